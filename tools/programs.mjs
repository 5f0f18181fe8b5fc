// Programs that tests start: the machine's own where it has one, else Debian's in a folder of the workspace.
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { bringDebianPackages, hasDebianPackages, libraryDirectories } from './debian-packages.mjs'
import { writeBlock } from './environment-block.mjs'
import { lastWords, runProgram } from './run-program.mjs'
import { SetupError } from './setup-error.mjs'
import { cacheDirectory, environmentFile } from './workspace.mjs'

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} variable of the environment that names it; set-up writes it to .env
 * @property {readonly string[]} usual where the tests look for it, too, when that is not set
 * @property {(program: string) => boolean | Promise<boolean>} isGood whether one that may not be there will do
 * @property {readonly string[]} packages of Debian that hold it
 * @property {string} path in them; from the system's root where the system has the package already
 * @property {(root: string) => Record<string, string>} environment beside the path of libraries, where they are unpacked
 * @property {string} remedy what a person can do, a command a line
 */

/** @type {Program} */
export const chromium = {
  name: 'Chromium',
  variable: 'CHROMIUM_PATH',
  usual: [
    '/usr/bin/chromium',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ],
  isGood: existsSync,
  packages: ['chromium', 'fonts-dejavu-core'],
  path: 'usr/lib/chromium/chromium',
  environment: (root) => {
    mkdirSync(join(root, 'font-cache'), { recursive: true })
    const fonts = `<dir>/usr/share/fonts</dir><dir>${root}/usr/share/fonts</dir><cachedir>${root}/font-cache</cachedir>`
    writeFileSync(join(root, 'fonts.conf'), `<?xml version="1.0"?>\n<fontconfig>${fonts}</fontconfig>\n`)
    return { FONTCONFIG_FILE: join(root, 'fonts.conf') }
  },
  remedy: 'npx playwright-core install --with-deps chromium\n# then name the program in the file .env: CHROMIUM_PATH=…',
}

/** @type {Program} */
export const valkey = {
  name: 'Valkey 7.2 or newer',
  variable: 'HEADWATER_VALKEY',
  usual: ['valkey-server', 'redis-server'],
  isGood: async (program) => isRecent((await runProgram(program, ['--version'])).stdout),
  packages: ['valkey-server', 'valkey-tools'],
  path: 'usr/bin/valkey-server',
  environment: () => ({}),
  remedy: [
    'sudo apt-get install valkey-server    # Debian 13, Ubuntu 24.04 or newer',
    'sudo dnf install valkey               # Fedora, RHEL 10',
    'sudo pacman -S valkey                 # Arch',
    'brew install valkey                   # macOS',
    '# or name a program of your own in the file .env: HEADWATER_VALKEY=…',
    'npm test',
  ].join('\n'),
}

/** With all that packages/python is checked by, which needs numpy alone. @type {Program} */
export const python = {
  name: 'Python with PyTorch, onnx, flake8 and mypy',
  variable: 'HEADWATER_PYTHON',
  usual: ['python3'],
  isGood: async (program) => (await runProgram(program, ['-c', 'import flake8, mypy, numpy, onnx, torch'])).code === 0,
  packages: ['python3-minimal', 'python3-numpy', 'python3-torch', 'python3-onnx', 'flake8', 'mypy'],
  path: 'usr/bin/python3',
  environment: (root) => ({ PYTHONPATH: `${root}/usr/lib/python3/dist-packages\${PYTHONPATH:+:$PYTHONPATH}` }),
  remedy:
    'sudo apt-get install python3-torch python3-onnx flake8 mypy    # Debian 13\n# or name a Python in the file .env: HEADWATER_PYTHON=…',
}

/** `env` with PostgreSQL's programs on its path. @type {Program} */
export const postgres = {
  name: 'PostgreSQL 17 with pgvector',
  variable: 'HEADWATER_POSTGRES',
  usual: [],
  isGood: async (program) => / 17/.test((await runProgram(program, ['postgres', '--version'])).stdout),
  packages: ['postgresql-17', 'postgresql-17-pgvector', 'postgresql-client-17'],
  path: 'usr/bin/env',
  environment: (root) => ({ PATH: `${root}/usr/lib/postgresql/17/bin:/usr/lib/postgresql/17/bin:$PATH` }),
  remedy: 'sudo apt-get install postgresql-17-pgvector    # Debian 13',
}

/**
 * Whether `--version` of a Valkey or Redis server shows one that is new enough: `WAITAOF` came with 7.2.
 * @param {string} output
 */
export function isRecent(output) {
  const [major, minor] = (/\bv=(\d+)\.(\d+)/.exec(output) ?? [0, 0, 0]).slice(1).map(Number)
  return major > 7 || (major === 7 && minor >= 2)
}

/** Sees to it that tests find a program. @param {Program} program @param {(line: string) => void} say */
export async function ensureProgram(program, say) {
  const { name, variable, usual, isGood, packages, path, environment, remedy } = program
  const [folder] = name.toLowerCase().split(' ')
  const root = join(cacheDirectory, folder)
  const starter = `${root}-start`
  const owner = `${folder[0].toUpperCase()}${folder.slice(1)} for tests`

  /** Points the environment file at the program in the workspace, if it starts. @returns {Promise<string>} why it does not do */
  const useBrought = async () => {
    const libraries = libraryDirectories(root).join(':')
    const variables = { LD_LIBRARY_PATH: `${libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}`, ...environment(root) }
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}="${value}"\n`)
    writeFileSync(
      starter,
      `#!/bin/sh\n${lines.join('')}exec "${existsSync(join(root, path)) ? join(root, path) : `/${path}`}" "$@"\n`,
    )
    chmodSync(starter, 0o755)
    const outcome = await runProgram(starter, ['--version'])
    if (outcome.code !== 0) return `does not start.\n${lastWords(outcome)}`
    if (!(await isGood(starter))) return `is too old: ${outcome.stdout.trim()}`
    writeBlock(environmentFile, owner, { [variable]: starter })
    return ''
  }

  const named = withDriver(environmentFile)[variable]
  for (const candidate of named ? [named] : usual) if (await isGood(candidate)) return
  if (existsSync(root) && (await useBrought()) === '') return
  if (!(await hasDebianPackages())) throw new SetupError(`no ${name} was found on this machine.`, remedy)
  try {
    await bringDebianPackages(packages, root, (line) => say(`${owner}: ${line}`))
  } catch (error) {
    throw error instanceof SetupError ? new SetupError(error.message, remedy) : error
  }
  const why = await useBrought()
  if (why !== '') throw new SetupError(`the ${folder} that was brought ${why}`, remedy)
}
