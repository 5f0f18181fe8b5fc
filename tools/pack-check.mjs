// `npx nx run tools:pack-check`: packs every package, installs the tarballs into an empty folder and uses them there as
// another project would: manifests and types as publint and attw judge them, strict types, the command, the examples of the
// READMEs on every Node that is supported, those of `examples`, and what is said where a part is missing.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build as esbuild } from 'esbuild'
import { chromium } from 'playwright'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { build, createServer as createViteServer } from 'vite'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { installExample, installPacked } from './install-packed.mjs'
import { bringNode, nodeVersions } from './node-versions.mjs'
import { packPackages } from './pack.mjs'
import { checkPage } from './page-check.mjs'
import { chromium as chromiumProgram } from './programs.mjs'
import { packedManifest, publicPackages } from './public-packages.mjs'
import { exampleService, readmeExamples, runExamples } from './readme-examples.mjs'
import { lastWords, runProgram } from './run-program.mjs'
import { startServer } from './start-server.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

// Where the user is, by npm and Nx: the programs that are started here are elsewhere.
delete process.env.INIT_CWD

const root = JSON.parse(readFileSync(inWorkspace('package.json'), 'utf8'))
const packages = publicPackages()
const place = mkdtempSync(join(tmpdir(), 'headwater-pack-check-'))
const project = join(place, 'project')
const bin = join(project, 'node_modules/headwater/bin/headwater.js')
/** Paths by the packages' names. @type {Map<string, string>} */
let tarballs
const env = withDriver(environmentFile)
/** Bytes. A type that was written out in full once took 189 MB. */
const largestFile = 1e6
const withoutDriver = { ...env, VK_DRIVER_FILES: '/none' }
/** @type {string[]} */
const problems = []

async function check() {
  tarballs = await step('packed', () => packPackages(join(place, 'packed')))
  for (const path of tarballs.values()) await step(`judged ${path.slice(place.length + 8)}`, () => judge(path))

  const { typescript, tsx, '@types/node': node } = root.devDependencies
  const others = [`typescript@${typescript}`, 'typescript-5@npm:typescript@5.9.3', `@types/node@${node}`, `tsx@${tsx}`]
  await step('installed', () => installPacked(project, tarballs, [...tarballs.keys()], others))

  writeEntries()
  for (const [compiler, module, resolution, lib] of [
    ['typescript', 'node16', 'node16', 'es2023'],
    ['typescript', 'esnext', 'bundler', 'es2023,dom,dom.iterable'],
    ['typescript-5', 'node16', 'node16', 'es2023'],
  ])
    await step(`types: ${compiler}, ${resolution}, ${lib}`, () => compile(compiler, module, resolution, lib))

  await step('bundles, and a page of Vite', bundle)
  await step('the command, on the log of examples/own-log', runCommand)
  await step('examples/remote-client, installed', () => installExample('remote-client', place, tarballs))
  for (const version of nodeVersions)
    await step(`the READMEs' examples, Node ${version}`, async () => {
      await runReadmes(await bringNode(version, join(place, `node-${version}`)))
    })
  await step('examples/ranking-service', rank)
  const failed = (/** @type {Error} */ cause) => problems.push(`examples/browser: ${cause.message}`)
  await step('examples/browser', () => checkPage(tarballs, place, place).catch(failed))
  await step('what is missing', missingParts)
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
  const contents = createPackageFromTarballData(bytes)
  for (const file of contents.listFiles()) {
    const { length } = contents.readFile(file)
    if (length > largestFile) problems.push(`${path}: ${file} has ${(length / 1e6).toFixed(1)} MB`)
  }
  const found = await checkPackage(contents)
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

/** Client and tower for a page: by esbuild, by Vite, and from Vite's development server in a browser. */
async function bundle() {
  const page = "import { createClient } from '@headwater/client'\nimport { loadTower } from '@headwater/runtime'\n"
  const contents = `${page}document.title = typeof createClient + typeof loadTower\n`
  const { outputFiles } = await esbuild({
    stdin: { contents, resolveDir: project },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['development'],
    logLevel: 'silent',
  })
  if (/from ?["']node:/.test(outputFiles[0].text)) problems.push('esbuild: the bundle imports modules of Node')

  const root = join(project, 'site')
  mkdirSync(root)
  writeFileSync(join(root, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>\n')
  writeFileSync(join(root, 'page.js'), contents)
  await build({ root, logLevel: 'error' })
  const server = await createViteServer({ root, logLevel: 'error', server: { host: '127.0.0.1', port: 0 } })
  const executablePath = env[chromiumProgram.variable] ?? chromiumProgram.usual.find(existsSync)
  if (executablePath === undefined) throw new Error('There is no Chromium: npm run setup -- --browser')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    await server.listen()
    const tab = await browser.newPage()
    tab.on('pageerror', ({ message }) => problems.push(`Vite's development server: ${message}`))
    await tab.goto(server.resolvedUrls?.local[0] ?? '')
    await tab.waitForFunction("document.title === 'functionfunction'")
  } finally {
    await browser.close()
    await server.close()
  }
}

/** `examples/own-log`, a tenth of its log, as its README has it; it leaves `out`, which the other examples stand beside. */
async function runCommand() {
  const example = inWorkspace('examples/own-log')
  const { stdout } = await runProgram(process.execPath, [join(example, 'make-log.mjs')])
  writeFileSync(join(project, 'log.csv'), `${stdout.split('\n').slice(0, 6_001).join('\n')}\n`)
  cpSync(join(example, 'schema.json'), join(project, 'schema.json'))
  await told('headwater run', headwater('run', '--data', 'log.csv', '--schema', 'schema.json', '--out', 'out'))
}

/** @param {readonly string[]} args */
const headwater = (...args) => runProgram(process.execPath, [bin, ...args], { cwd: project, env })

/** A service over what the command left. */
const serve = () =>
  startServer(
    process.execPath,
    [...[bin, 'serve', '--port', '0'], ...['--model', 'out/seed-1/snapshots', '--store', 'lmdb:out/seed-1/store']],
    { cwd: project, env },
  )

/** @param {string} node */
async function runReadmes(node) {
  const examples = readmeExamples()
  const { url, stop } = await serve()
  try {
    const cwd = join(place, 'remote-client')
    await told('examples/remote-client', runProgram(node, ['follow-reader.mjs', url], { cwd, env }))
    const required = "import('headwater').then(({ createClient }) => createClient({ url: 'http://localhost' }))"
    await told('CommonJS', runProgram(node, ['--input-type=commonjs', '--eval', required], { cwd: project }))
    await compareExamples(
      node,
      examples
        .filter(({ needs }) => needs === 'service')
        .map((each) => ({ ...each, code: each.code.replace(exampleService, url) })),
    )
  } finally {
    await stop()
  }
  await compareExamples(
    node,
    examples.filter(({ needs }) => needs !== 'service'),
  )
  rmSync(join(project, 'events'), { recursive: true })
  rmSync(join(project, 'mirror'), { recursive: true })
}

/** @param {string} node @param {readonly import('./readme-examples.mjs').Example[]} examples */
async function compareExamples(node, examples) {
  const outputs = await runExamples(examples, project, { node, env })
  for (const [i, { name, output }] of examples.entries())
    if (output !== null && outputs[i] !== output) problems.push(`The README of ${name}: it printed\n${outputs[i]}`)
}

/** `examples/ranking-service` as it stands, over what the command left. */
async function rank() {
  const cwd = await installExample('ranking-service', place, tarballs)
  const args = ['--import', 'tsx', 'serve.ts', join(project, 'out/seed-1'), '0']
  const { url, stop } = await startServer(process.execPath, args, { cwd, env })
  try {
    const articles = ['a1', 'a2'].map((id) => ({ id, topics: ['sports'], words: 800 }))
    const { request } = await post(`${url}/rank`, { reader: 'reader-0', device: 'phone', articles })
    const { accepted } = await post(`${url}/feedback`, { request, opened: { a2: 90 } })
    if (accepted !== 2) problems.push(`examples/ranking-service took ${accepted} events of 2`)
  } finally {
    await stop()
  }
}

/** @param {string} url @param {unknown} body */
async function post(url, body) {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return /** @type {any} */ (answer.json())
}

/** An old Node, and parts that are not there: each is said in one line, with what to install or use instead. */
async function missingParts() {
  const old = await bringNode('18', join(place, 'node-18'))
  await says(/^headwater: this is Node 18\.\S+; install Node 20\.12 or newer\.$/, old, [bin, '--version'])

  const { stdout } = await runProgram(process.execPath, [bin, 'doctor'], { cwd: project, env: withoutDriver })
  if (!/^ *→ apt-get install mesa-vulkan-drivers/m.test(stdout))
    problems.push(`headwater doctor without a driver:\n${stdout}`)

  const model = ['serve', '--port', '0', '--model', 'out/seed-1/snapshots']
  const store = [...model, '--store', 'lmdb:out/seed-1/store']
  await says(/npm install onnxruntime-node/, process.execPath, [bin, ...store, '--encoder', 'onnx'])
  await without('@lmdb', async () => {
    await says(/lmdb does not load .* name a store that needs no binary, "memory:"/, process.execPath, [bin, ...store])
    await told('Without LMDB', evaluate("(await import('@headwater/store')).openStore('memory:')"))
  })
  const load = `(await import('@headwater/runtime')).loadTower(process.argv[1])`
  const [snapshot] = (
    await evaluate(`(await import('@headwater/snapshot')).servedSnapshotDirectory('out/seed-1/snapshots')`)
  ).stdout.split('\n')
  await without('webgpu/dist', () =>
    says(/webgpu, Dawn for Node, does not load .* serve the tower as ONNX/, ...evaluated(load, snapshot)),
  )
  await says(/No WebGPU adapter was found: .*mesa-vulkan-drivers/, ...evaluated(load, snapshot), withoutDriver)

  const weights = join(project, snapshot, 'weights.safetensors')
  const bytes = readFileSync(weights)
  bytes[bytes.length - 1] ^= 1
  writeFileSync(weights, bytes)
  await says(/the checksum of weights\.safetensors does not match\. Publish it again\.$/, ...evaluated(load, snapshot))
}

/** Arguments of `runProgram` that print what an expression comes to, or its error's message alone. @param {string} expression @param {readonly string[]} args @returns {[string, string[]]} */
const evaluated = (expression, ...args) => [
  process.execPath,
  [
    ...['--input-type=module', '--eval'],
    `try { console.log(String(await ${expression})) } catch (error) { console.error(error.message); process.exitCode = 1 }`,
    ...args,
  ],
]

/** @param {string} expression */
const evaluate = (expression) => runProgram(...evaluated(expression), { cwd: project, env })

/** @param {string} name of what is not installed meanwhile, in `node_modules` @param {() => Promise<void>} work */
async function without(name, work) {
  const path = join(project, 'node_modules', name)
  renameSync(path, `${path}.away`)
  await work()
  renameSync(`${path}.away`, path)
}

/** That a program fails and the last line of what it says is as expected. @param {RegExp} line @param {string} program @param {readonly string[]} args @param {NodeJS.ProcessEnv} [environment] */
async function says(line, program, args, environment = env) {
  const outcome = await runProgram(program, args, { cwd: project, env: environment })
  const last = lastWords(outcome).split('\n').at(-1) ?? ''
  if (outcome.code === 0 || !line.test(last))
    problems.push(`It should have said ${line}:\n${outcome.stdout}${outcome.stderr}`)
}

try {
  await check()
} finally {
  rmSync(place, { recursive: true, force: true })
}
process.stdout.write(problems.length === 0 ? 'Packages: clean\n' : `Packages: ${problems.length} problems\n`)
process.exitCode = problems.length === 0 ? 0 : 1
