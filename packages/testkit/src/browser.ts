import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Where Linux distributions, macOS and Windows put Chromium or Chrome. */
const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
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
 * A headless Chromium with an empty profile that talks to nobody by itself. Close it when done.
 * @throws NoBrowserError where there is none.
 */
export async function openBrowser(): Promise<Browser> {
  const paths = process.env.CHROMIUM_PATH ? [process.env.CHROMIUM_PATH] : usualPaths
  const executablePath = paths.find((path) => existsSync(path))
  if (!executablePath) throw new NoBrowserError(paths)
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-dev-shm-usage',
      '--disable-quic',
      '--disable-sync',
      '--enable-unsafe-webgpu',
    ],
  })
}
