import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { bringDebianPackages, hasDebianPackages, libraryDirectories } from './debian-packages.mjs'
import { writeBlock } from './environment-block.mjs'
import { lastWords, runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'
import { cacheDirectory, environmentFile } from './workspace.mjs'

const owner = 'Chromium for tests'
const root = join(cacheDirectory, 'chromium')
const starter = join(cacheDirectory, 'chromium-start')

/** The same places in which the tests look. */
const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/**
 * Sees to it that tests find a Chromium: the machine's own if it has one, else Debian's in a folder of the workspace.
 * @param {(line: string) => void} say
 */
export async function ensureBrowser(say) {
  const { CHROMIUM_PATH } = withDriver(environmentFile)
  if ((CHROMIUM_PATH ? [CHROMIUM_PATH] : usualPaths).some((path) => existsSync(path))) return
  if (existsSync(root) && (await useBroughtBrowser()).code === 0) return
  if (!(await hasDebianPackages())) throw noBrowser('no Chromium was found on this machine.')

  const step = (/** @type {string} */ line) => say(`Chromium for tests: ${line}`)
  await bringDebianPackages(['chromium', 'fonts-dejavu-core'], root, step)
  const outcome = await useBroughtBrowser()
  if (outcome.code !== 0) throw noBrowser(`the Chromium that was brought does not start.\n${lastWords(outcome)}`)
}

/** Points the environment file at the Chromium in the workspace, if it starts. */
async function useBroughtBrowser() {
  writeStarter()
  const outcome = await runProgram(starter, ['--version'])
  if (outcome.code === 0) writeBlock(environmentFile, owner, { CHROMIUM_PATH: starter })
  return outcome
}

/** Chromium looks for libraries and fonts where a system has them; this tells it where ours are. */
function writeStarter() {
  mkdirSync(join(root, 'font-cache'), { recursive: true })
  writeFileSync(
    join(root, 'fonts.conf'),
    `<?xml version="1.0"?>
<fontconfig><dir>/usr/share/fonts</dir><dir>${root}/usr/share/fonts</dir><cachedir>${root}/font-cache</cachedir></fontconfig>
`,
  )
  const libraries = libraryDirectories(root).join(':')
  writeFileSync(
    starter,
    `#!/bin/sh
export LD_LIBRARY_PATH="${libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export FONTCONFIG_FILE="${root}/fonts.conf"
exec "${root}/usr/lib/chromium/chromium" "$@"
`,
  )
  chmodSync(starter, 0o755)
}

/** @param {string} message */
function noBrowser(message) {
  return new SetupError(
    message,
    'npx playwright-core install --with-deps chromium\n# then name the program in the file .env: CHROMIUM_PATH=…',
  )
}
