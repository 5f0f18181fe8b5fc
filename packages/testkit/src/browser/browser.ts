import { type Browser, chromium } from 'playwright-core'
import { browserArguments, browserProgram } from './program.ts'

/**
 * A headless Chromium with an empty profile that talks to nobody by itself. Close it when done.
 * @throws NoBrowserError where there is none.
 */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserProgram(), args: [...browserArguments] })
}
