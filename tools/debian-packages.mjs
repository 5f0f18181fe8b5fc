import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { lastWords, runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'

/** Never unpacked beside the system's own: a second C library would be mixed into every program that we start. */
const systemPackages = /^(libc6|libc-bin|libgcc-s1)_/

/** Whether this system has Debian's package tools. */
export async function hasDebianPackages() {
  const found = await Promise.all(['apt-get', 'dpkg'].map((tool) => runProgram(tool, ['--version'])))
  return found.every(({ code }) => code === 0)
}

/**
 * Downloads packages, with all that they need and the system lacks, and unpacks them into a folder: no root needed, and
 * the system stays as it is. The system's package sources, signatures and settings are used; apt's state is our own.
 * The folder appears only when all is in it.
 * @param {readonly string[]} names
 * @param {string} directory made anew
 * @param {(line: string) => void} say
 */
export async function bringDebianPackages(names, directory, say) {
  removeAbandoned(directory)
  const work = `${directory}.partial-${process.pid}`
  const archives = join(work, 'cache/archives')
  const root = join(work, 'root')
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true })
  const settings = join(work, 'apt.conf')
  writeFileSync(settings, aptSettings(work))

  try {
    say('asking the package sources …')
    const update = await run('apt-get', ['-c', settings, 'update'], names)
    say(`downloading ${names.join(', ')} with what they need …`)
    const install = ['install', '--yes', '--download-only', '--no-install-recommends', ...names]
    // A source that cannot be reached is only a warning of `update`; what follows from it shows here.
    await run('apt-get', ['-c', settings, ...install], names, lastWords({ ...update, stdout: '' }))
    const files = readdirSync(archives).filter((file) => file.endsWith('.deb') && !systemPackages.test(file))
    if (files.length === 0)
      throw new SetupError(
        `${names.join(', ')} is installed on this system already, and does not work.`,
        installCommand(names),
      )
    say(`unpacking ${files.length} packages …`)
    for (const file of files) await run('dpkg', ['-x', join(archives, file), root], names)
    rmSync(directory, { recursive: true, force: true })
    renameSync(root, directory)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * Folders with shared libraries in an unpacked root, for LD_LIBRARY_PATH. Some packages keep theirs one folder deeper
 * and find them there by an absolute path, which unpacked elsewhere they cannot.
 * @param {string} root
 */
export function libraryDirectories(root) {
  const libraries = join(root, 'usr/lib')
  const triplets = subfolders(libraries).filter((folder) => /-linux-gnu\w*$/.test(folder))
  const deeper = triplets
    .flatMap(subfolders)
    .filter((folder) => readdirSync(folder).some((file) => /^lib.+\.so(\.|$)/.test(file)))
  return [...triplets, ...deeper, libraries]
}

/** @param {string} folder */
function subfolders(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
}

/** @param {string} work */
function aptSettings(work) {
  return [
    `Dir::State "${work}/state";`,
    `Dir::Cache "${work}/cache";`,
    'Dir::State::status "/var/lib/dpkg/status";',
    // As an ordinary user apt can neither lock the system's database nor become its download user.
    'Debug::NoLocking "true";',
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "30";',
    'Acquire::https::Timeout "30";',
    // Hooks of the system that would clear its own cache, not ours.
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear DPkg::Pre-Invoke;',
    '#clear DPkg::Pre-Install-Pkgs;',
    '#clear DPkg::Post-Invoke;',
    '',
  ].join('\n')
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {readonly string[]} names what is being brought
 * @param {string} warnings of earlier steps, told if this one fails
 */
async function run(program, args, names, warnings = '') {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
  const outcome = await runProgram(program, args, { env })
  if (outcome.code === 0) return outcome
  const words = [warnings, lastWords(outcome)].filter(Boolean).join('\n')
  throw new SetupError(`${program} failed.\n${words}`, installCommand(names))
}

/** The command that installs packages for the whole system. @param {readonly string[]} names */
export function installCommand(names) {
  const asRoot = process.getuid?.() === 0 ? '' : 'sudo '
  return `${asRoot}apt-get update && ${asRoot}apt-get install --reinstall --yes ${names.join(' ')}\nnpm run setup`
}

/** Removes work folders of set-ups that were killed. @param {string} directory */
function removeAbandoned(directory) {
  mkdirSync(dirname(directory), { recursive: true })
  const prefix = `${basename(directory)}.partial-`
  for (const name of readdirSync(dirname(directory))) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length)))) continue
    rmSync(join(dirname(directory), name), { recursive: true, force: true })
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
