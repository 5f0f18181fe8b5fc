export { NoBrowserError, openBrowser } from './browser.ts'
export { FuzzError, type FuzzOptions, fuzz } from './fuzz.ts'
export { temporaryDirectory } from './temporary-directory.ts'
