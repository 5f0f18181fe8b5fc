import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { bringDebianPackages, hasDebianPackages, libraryDirectories } from './debian-packages.mjs'
import { writeBlock } from './environment-block.mjs'
import { lastWords, runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'
import { cacheDirectory, environmentFile } from './workspace.mjs'

const owner = 'Valkey for tests'
const root = join(cacheDirectory, 'valkey')
const starter = join(cacheDirectory, 'valkey-start')

/** The same programs, and the same least version, as the tests look for. */
const usualPrograms = ['valkey-server', 'redis-server']
const leastVersion = [7, 2]

/**
 * Sees to it that tests find a Valkey server: the machine's own if it has one, else Debian's in a folder of the
 * workspace. Nothing but tests starts one.
 * @param {(line: string) => void} say
 */
export async function ensureValkey(say) {
  const { HEADWATER_VALKEY } = withDriver(environmentFile)
  for (const program of HEADWATER_VALKEY ? [HEADWATER_VALKEY] : usualPrograms) {
    if (isRecent((await runProgram(program, ['--version'])).stdout)) return
  }
  if (existsSync(root) && isRecent((await useBroughtServer()).stdout)) return
  if (!(await hasDebianPackages())) throw noServer('no valkey-server 7.2 or newer was found on this machine.')

  const step = (/** @type {string} */ line) => say(`Valkey for tests: ${line}`)
  try {
    await bringDebianPackages(['valkey-server', 'valkey-tools'], root, step)
  } catch (error) {
    if (error instanceof SetupError) throw noServer(error.message)
    throw error
  }
  const outcome = await useBroughtServer()
  if (outcome.code !== 0) throw noServer(`the valkey-server that was brought does not start.\n${lastWords(outcome)}`)
  if (!isRecent(outcome.stdout)) throw noServer(`this system's valkey-server is too old: ${outcome.stdout.trim()}`)
}

/**
 * Whether `--version` of a Valkey or Redis server tells of one that is new enough: `WAITAOF` came with 7.2.
 * @param {string} output
 */
export function isRecent(output) {
  const found = /\bv=(\d+)\.(\d+)/.exec(output)
  if (!found) return false
  const [major, minor] = [Number(found[1]), Number(found[2])]
  return major > leastVersion[0] || (major === leastVersion[0] && minor >= leastVersion[1])
}

/** Points the environment file at the server in the workspace, if it starts. */
async function useBroughtServer() {
  writeStarter()
  const outcome = await runProgram(starter, ['--version'])
  if (outcome.code === 0) writeBlock(environmentFile, owner, { HEADWATER_VALKEY: starter })
  return outcome
}

/** The server looks for libraries where a system has them; this tells it where ours are. */
function writeStarter() {
  const libraries = libraryDirectories(root).join(':')
  writeFileSync(
    starter,
    `#!/bin/sh
export LD_LIBRARY_PATH="${libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "${root}/usr/bin/valkey-server" "$@"
`,
  )
  chmodSync(starter, 0o755)
}

/** @param {string} message */
function noServer(message) {
  return new SetupError(
    message,
    [
      'sudo apt-get install valkey-server    # Debian 13, Ubuntu 24.10 or newer',
      'sudo dnf install valkey               # Fedora, RHEL 10',
      'sudo pacman -S valkey                 # Arch',
      'brew install valkey                   # macOS',
      '# or name a program of your own in the file .env: HEADWATER_VALKEY=…',
      'npm test',
    ].join('\n'),
  )
}
