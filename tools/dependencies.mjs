import { existsSync, readFileSync } from 'node:fs'
import { lastWords, runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'
import { inWorkspace } from './workspace.mjs'

/** Packages with native code, loaded to see that they work on this machine, and where they are imported. */
const nativePackages = [
  { name: 'webgpu', importer: 'packages/gpu' },
  { name: 'lmdb', importer: 'packages/store' },
  { name: '@duckdb/node-api', importer: 'packages/datasets' },
]

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockedPackage */
/** @typedef {{ packages: Record<string, LockedPackage> }} LockFile */

/**
 * Whether what npm installed is what the lock file asks for. Optional packages are left out: those for other platforms
 * are locked too and never installed.
 * @param {LockFile} wanted package-lock.json
 * @param {LockFile} installed npm's own note in node_modules, written when an installation is complete
 */
export function matchesLock(wanted, installed) {
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '' || entry.optional || entry.devOptional) return true
    const found = installed.packages[path]
    return found !== undefined && found.version === entry.version
  })
}

/** @param {string} path @returns {LockFile | null} */
function readLock(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null
}

/** Installs the packages of the lock file, unless they are there. @param {(line: string) => void} say */
export async function installDependencies(say) {
  const wanted = readLock(inWorkspace('package-lock.json'))
  const installed = readLock(inWorkspace('node_modules/.package-lock.json'))
  if (wanted && installed && matchesLock(wanted, installed)) return

  const command = wanted ? 'ci' : 'install'
  say(`npm packages: npm ${command} …`)
  const outcome = await runNpm([command])
  if (outcome.code !== 0)
    throw new SetupError(`npm ${command} failed.\n${lastWords(outcome)}`, `npm ${command}\nnpm run setup`)
}

/**
 * Loads each native package in a process of its own. npm may have held back install scripts; of ours only webgpu's
 * matters, and on macOS alone: it lifts the quarantine from the binding.
 * @param {(line: string) => void} say
 */
export async function checkNativePackages(say) {
  if ((await unloadable()).length === 0) return
  say('npm packages: running the install script of webgpu …')
  await runProgram(process.execPath, ['build/postinstall.js'], { cwd: inWorkspace('node_modules/webgpu') })
  const [first] = await unloadable()
  if (!first) return
  const { platform, arch, version } = process
  throw new SetupError(
    `the package ${first.name} does not load on ${platform}-${arch} with Node ${version}.\n${first.reason}`,
    'rm -rf node_modules\nnpm run setup\n# if it still fails: Linux needs glibc 2.34 or newer (not musl), x64 or arm64',
  )
}

/** @returns {Promise<{ name: string, reason: string }[]>} */
async function unloadable() {
  const outcomes = await Promise.all(
    nativePackages.map(async ({ name, importer }) => {
      const args = ['--input-type=module', '--eval', `await import(${JSON.stringify(name)})`]
      const outcome = await runProgram(process.execPath, args, { cwd: inWorkspace(importer) })
      return { name, code: outcome.code, reason: lastWords(outcome) }
    }),
  )
  return outcomes.filter(({ code }) => code !== 0)
}

/** @param {readonly string[]} args @param {string} [cwd] */
export function runNpm(args, cwd = inWorkspace('.')) {
  // onnxruntime-node, which tests alone need, would fetch its CUDA libraries from outside the registry.
  const options = { cwd, env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' } }
  const cli = process.env.npm_execpath
  // Under `npm start` the npm that runs us is known; it is a Node program, so no shell is needed to find it.
  if (cli && /npm-cli\.[cm]?js$/.test(cli)) return runProgram(process.execPath, [cli, ...args], options)
  if (process.platform === 'win32') return runProgram('cmd.exe', ['/c', 'npm', ...args], options)
  return runProgram('npm', args, options)
}
