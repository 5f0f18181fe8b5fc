// Makes a fresh clone ready: npm packages, a WebGPU adapter and, for the tests, a Chromium with --browser and a Valkey
// server with --valkey. Needs Node and npm alone, changes nothing outside the workspace, and is quick where nothing is
// missing.
import { pathToFileURL } from 'node:url'
import { ensureAdapter } from './adapter.mjs'
import { checkNativePackages, installDependencies } from './dependencies.mjs'
import { chromium, ensureProgram, valkey as valkeyServer } from './programs.mjs'
import { SetupError } from './setup-error.mjs'

/**
 * @param {{ browser: boolean, valkey?: boolean }} needs
 * @returns {Promise<boolean>} false where something is missing that only a person can bring; what and how is printed
 */
export async function setUp({ browser, valkey = false }) {
  const startMs = performance.now()
  const say = (/** @type {string} */ line) => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0).padStart(3)
    process.stdout.write(`set-up ${seconds} s  ${line}\n`)
  }
  try {
    await installDependencies(say)
    await checkNativePackages(say)
    await ensureAdapter(say)
    if (browser) await ensureProgram(chromium, say)
    if (valkey) await ensureProgram(valkeyServer, say)
    return true
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stderr.write(`\nSet-up stopped: ${error.message}\n\n${error.remedy.replace(/^/gm, '    ')}\n\n`)
    return false
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { argv } = process
  const ready = await setUp({ browser: argv.includes('--browser'), valkey: argv.includes('--valkey') })
  if (ready) process.stdout.write('Ready. Start with: npm start\n')
  process.exitCode = ready ? 0 : 1
}
