import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { withDriver } from '@headwater/gpu/driver-environment'
import { nodeOptions } from './one-core.js'
import { openFilesProblem } from './open-files.js'
import { supervise } from './supervise.js'

/** @param {string} path from this folder */
const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Runs the headwater command: from source in a checkout, where no build is needed, else as it was published.
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code
 */
export async function launch(args) {
  const problem = openFilesProblem()
  if (problem !== null) {
    process.stderr.write(`headwater: ${problem}\n`)
    return 1
  }
  const checkout = existsSync(here('../src/main.ts'))
  // tsx is resolved from here, because Node would resolve it from the directory the user is in.
  const program = checkout
    ? ['--conditions=@headwater/source', '--import', import.meta.resolve('tsx'), here('../src/main.ts')]
    : [here('../dist/main.js')]
  const options = nodeOptions(args, availableParallelism())
  // Elsewhere that file is the project's in which this is installed.
  const env = checkout ? withDriver(here('../../../.env')) : process.env
  const ownStderr = process.platform !== 'win32'
  const before = ownStderr ? ['--import', import.meta.resolve('./own-stderr.js')] : []
  const words = ['--enable-source-maps', ...before, ...options, ...program, ...args]
  return supervise(process.execPath, words, { env, ownStderr })
}
