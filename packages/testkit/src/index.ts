export { openBrowser } from './browser.ts'
export { NoBrowserError } from './browser-program.ts'
export { FuzzError, type FuzzOptions, fuzz } from './fuzz.ts'
export { temporaryDirectory } from './temporary-directory.ts'
