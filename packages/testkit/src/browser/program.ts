import { existsSync } from 'node:fs'

/** Where Linux distributions, macOS and Windows put Chromium or Chrome. */
const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** For a page that uses WebGPU, on any adapter, and a browser that talks to nobody by itself. */
export const browserArguments: readonly string[] = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--disable-sync',
  '--enable-unsafe-webgpu',
]

/** No Chromium on this machine. */
export class NoBrowserError extends Error {
  constructor(looked: readonly string[]) {
    super(
      `No Chromium at ${looked.join(', ')}. Run \`npm run setup -- --browser\` to bring one into the project, ` +
        'or set CHROMIUM_PATH to the program of your own.',
    )
    this.name = 'NoBrowserError'
  }
}

/**
 * The Chromium or Chrome of this machine: CHROMIUM_PATH where it is set, else where systems put it.
 * @throws NoBrowserError where there is none.
 */
export function browserProgram(): string {
  const paths = process.env.CHROMIUM_PATH ? [process.env.CHROMIUM_PATH] : usualPaths
  const found = paths.find((path) => existsSync(path))
  if (!found) throw new NoBrowserError(paths)
  return found
}
