// `npx nx run tools:pack-check`: packs every package, installs the tarballs into an empty folder and uses them there as
// another project would: manifests and types as publint and attw judge them, strict types, first examples.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { runNpm } from './dependencies.mjs'
import { packPackages } from './pack.mjs'
import { packedManifest, publicPackages } from './public-packages.mjs'
import { runProgram } from './run-program.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

const root = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))
const packages = publicPackages()
const place = mkdtempSync(join(tmpdir(), 'headwater-pack-check-'))
const project = join(place, 'project')
/** @type {string[]} */
const problems = []
try {
  await check()
} finally {
  rmSync(place, { recursive: true, force: true })
}
process.stdout.write(problems.length === 0 ? 'Packages: clean\n' : `Packages: ${problems.length} problems\n`)
process.exitCode = problems.length === 0 ? 0 : 1

async function check() {
  const tarballs = await step('packed', () => packPackages(join(place, 'packed')))
  for (const path of tarballs.values()) await step(`judged ${path.slice(place.length + 8)}`, () => judge(path))

  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  const { typescript, '@types/node': node } = root.devDependencies
  const others = [`typescript@${typescript}`, 'typescript-5@npm:typescript@5.9.3', `@types/node@${node}`]
  await step('installed', () => told('npm install', runNpm(['install', ...tarballs.values(), ...others], project)))

  writeEntries()
  for (const [compiler, module, resolution, lib] of [
    ['typescript', 'node16', 'node16', 'es2023'],
    ['typescript', 'esnext', 'bundler', 'es2023,dom,dom.iterable'],
    ['typescript-5', 'node16', 'node16', 'es2023'],
  ])
    await step(`types: ${compiler}, ${resolution}, ${lib}`, () => compile(compiler, module, resolution, lib))

  await step('read and encode', readAndEncode)
}

/** @template T @param {string} name @param {() => T | Promise<T>} work */
async function step(name, work) {
  const startMs = performance.now()
  const before = problems.length
  const result = await work()
  process.stdout.write(`${name}: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`)
  process.stdout.write(
    problems
      .slice(before)
      .map((problem) => `${problem}\n`)
      .join(''),
  )
  return result
}

/** @param {string} what @param {Promise<import('./run-program.mjs').Outcome>} running */
async function told(what, running) {
  const { code, stdout, stderr } = await running
  if (code !== 0) problems.push(`${what} failed:\n${stdout}${stderr}`)
}

/** @param {string} path of a tarball */
async function judge(path) {
  const bytes = new Uint8Array(readFileSync(path))
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
  for (const message of messages) problems.push(`publint, ${path}: ${formatMessage(message, pkg)}`)
  const found = await checkPackage(createPackageFromTarballData(bytes))
  if (!found.types) problems.push(`attw, ${path}: no types`)
  // As in attw's profile `esm-only`.
  else
    for (const problem of found.problems)
      if (!('resolutionKind' in problem) || !['node10', 'node16-cjs'].includes(problem.resolutionKind))
        problems.push(`attw, ${path}: ${JSON.stringify(problem)}`)
}

/** A module that imports every entry point. */
function writeEntries() {
  const entries = [...packages.values()].flatMap((manifest) =>
    Object.keys(packedManifest(manifest).exports ?? {}).map((entry) => manifest.name + entry.slice(1)),
  )
  const lines = entries.map((entry, i) => `export * as entry${i} from '${entry}'\n`)
  writeFileSync(join(project, 'entries.ts'), lines.join(''))
}

/** @param {string} compiler @param {string} module @param {string} resolution @param {string} lib */
function compile(compiler, module, resolution, lib) {
  const program = join(project, 'node_modules', compiler, 'bin/tsc')
  const options = ['--strict', '--noEmit', '--target', 'es2023', '--lib', lib, '--types', 'node']
  const args = [program, ...options, '--module', module, '--moduleResolution', resolution, 'entries.ts']
  return told(`${compiler}, ${resolution}, ${lib}`, runProgram(process.execPath, args, { cwd: project }))
}

/** The first example of pooling's README, and a snapshot's tower on this machine's adapter. */
async function readAndEncode() {
  const [, read] =
    /^```js\n([\s\S]*?)^```$/m.exec(readFileSync(inWorkspace('packages/pooling/README.md'), 'utf8')) ?? []
  writeFileSync(
    join(project, 'read.mjs'),
    `${read}\nawait refresher.stop()\nawait pooling.close()\nawait store.close()\n`,
  )
  const env = withDriver(environmentFile)
  await told('A read', runProgram(process.execPath, ['read.mjs'], { cwd: project }))

  const snapshots = join(place, 'snapshots')
  const publish = `const { publishRandomTower } = await import('@headwater/runtime/testing/published-tower')
    await publishRandomTower(${JSON.stringify(snapshots)})`
  const fromSource = ['--conditions=@headwater/source', '--import', 'tsx', '--input-type=module', '--eval', publish]
  await told('A snapshot', runProgram(process.execPath, fromSource, { cwd: inWorkspace('bench') }))
  const encode = `import { loadTower } from '@headwater/runtime'
    const tower = await loadTower(${JSON.stringify(join(snapshots, 'snapshot-000001'))})
    const vectors = await tower.encode(tower.space.allocate('user', 2))
    tower.dispose()
    if (vectors.length !== 2 * tower.dim || !vectors.every(Number.isFinite)) throw new Error(String(vectors))`
  writeFileSync(join(project, 'encode.mjs'), encode)
  await told('An encode', runProgram(process.execPath, ['encode.mjs'], { cwd: project, env }))
}
