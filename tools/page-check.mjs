// `npx nx run tools:page-check -- [DIRECTORY]`: examples/browser as another project has it, from packed packages: type-checked, bundled by
// Vite and by esbuild, served by Vite's dev server and as built, and loaded in Chromium with WebGPU and without. What the page computes is
// held against Node, and it may request nothing once it is ready. DIRECTORY gets a picture of each visit, and its network log.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build as bundle } from 'esbuild'
import { tsImport } from 'tsx/esm/api'
import { withDriver } from '../packages/gpu/driver-environment.js'
import { runNpm } from './dependencies.mjs'
import { installExample, packagesOfExample } from './install-packed.mjs'
import { packPackages } from './pack.mjs'
import { runProgram } from './run-program.mjs'
import { environmentFile, inWorkspace } from './workspace.mjs'

/** Of code, gzipped, that a page with WebGPU loads. */
const maxCodeBytes = 150_000
/** Between a number of an embedding, or a probability, of the page and of Node. */
const tolerance = 1e-4

const ownLog = inWorkspace('examples/own-log')

/**
 * @param {ReadonlyMap<string, string>} tarballs paths by name, of the packages that the page needs, at least
 * @param {string} place where all that is made is left
 * @param {string} pictures directory
 */
export async function checkPage(tarballs, place, pictures) {
  Object.assign(process.env, withDriver(environmentFile))
  const folder = await installExample('browser', place, tarballs)
  await prepareModel(place, folder)
  await output('Types', node([inWorkspace('node_modules/typescript/bin/tsc'), '-p', '.'], folder))

  const vite = await import(pathToFileURL(join(folder, 'node_modules/vite/dist/node/index.js')).href)
  const options = { root: folder, logLevel: 'error', server: { port: 0 }, preview: { port: 0 } }
  await output('npm run build', runNpm(['run', 'build'], folder))
  await bundleByEsbuild(folder)

  const { openBrowser } = await tsImport('../packages/testkit/src/browser/browser.ts', import.meta.url)
  mkdirSync(pictures, { recursive: true })
  const browser = await openBrowser()
  try {
    for (const [how, server] of [
      ['dev', await (await vite.createServer(options)).listen()],
      ['built', await vite.preview(options)],
    ]) {
      const url = server.resolvedUrls.local[0]
      for (const hasGpu of [true, false]) await visit(browser, url, { how, hasGpu, folder, pictures })
      await server.close()
    }
  } finally {
    await browser.close()
  }
}

const node = (/** @type {string[]} */ args, /** @type {string} */ cwd) => runProgram(process.execPath, args, { cwd })

/** @param {string} what @param {Promise<import('./run-program.mjs').Outcome>} running @returns {Promise<string>} */
async function output(what, running) {
  const { code, stdout, stderr } = await running
  assert.equal(code, 0, `${what} failed:\n${stdout}${stderr}`)
  return stdout
}

/** The log of examples/own-log and towers of random weights, as the page loads them. @param {string} place @param {string} folder */
async function prepareModel(place, folder) {
  const log = join(place, 'log.csv')
  writeFileSync(log, await output('The log', node(['make-log.mjs'], ownLog)))
  const snapshots = join(place, 'snapshots')
  // A permutation of the coordinates and a shift, so that published vectors are not the tower's own.
  const publish = `const { presets } = await import('@headwater/runtime')
    const { publishRandomTower } = await import('@headwater/runtime/testing/published-tower')
    const weight = Float32Array.from({ length: 64 * 64 }, (_, at) => (at % 64 === ((at >> 6) + 5) % 64 ? 1 : 0))
    const alignment = { dim: 64, weight, bias: new Float32Array(64).fill(0.1) }
    const schema = ${readFileSync(join(ownLog, 'schema.json'), 'utf8')}
    await publishRandomTower(${JSON.stringify(snapshots)}, { schema, config: presets.small, alignment })`
  const fromSource = ['--conditions=@headwater/source', '--import', 'tsx', '--input-type=module', '--eval', publish]
  await output('A snapshot', node(fromSource, inWorkspace('bench')))
  await output('npm run model', runNpm(['run', 'model', '--', '--model', snapshots, '--data', log], folder))
}

/** @param {string} folder */
async function bundleByEsbuild(folder) {
  await bundle({
    absWorkingDir: folder,
    entryPoints: ['src/main.ts'],
    outdir: 'dist-esbuild',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    loader: { '.wasm': 'file' },
    logLevel: 'error',
  })
}

/** @typedef {{ how: string, hasGpu: boolean, folder: string, pictures: string }} Visit */

/** @param {any} browser Playwright's @param {string} url @param {Visit} visit */
async function visit(browser, url, { how, hasGpu, folder, pictures }) {
  const name = `${how}, ${hasGpu ? 'WebGPU' : 'WASM'}`
  const context = await browser.newContext({ viewport: { width: 1000, height: 900 } })
  try {
    await context.addInitScript(hasGpu ? keptDevice : withoutGpu[how])
    const page = await context.newPage()
    /** @type {string[]} */
    const messages = []
    page.on('pageerror', (/** @type {Error} */ error) => messages.push(error.message))
    /** @type {Promise<{ path: string, body: Buffer }>[]} */
    const loaded = []
    const collect = (/** @type {any} */ response) => {
      const path = new URL(response.url()).pathname
      loaded.push(response.body().then((/** @type {Buffer} */ body) => ({ path, body })))
    }
    page.on('response', collect)
    const isReady = async () => {
      await page.waitForSelector('body[data-state]', { timeout: 120_000 })
      assert.equal(await page.getAttribute('body', 'data-state'), 'ready', await page.textContent('#status'))
    }
    await page.goto(url)
    await isReady()
    const notice = await page.textContent('#notice')
    assert.match(notice, hasGpu ? /^$/ : /^This browser has .*, so the same towers run as ONNX models on the CPU/)
    page.off('response', collect)
    const responses = await Promise.all(loaded)

    /** @type {string[]} */
    const late = []
    page.on('request', (/** @type {any} */ request) => late.push(request.url()))
    await context.setOffline(true)
    const eventsAre = (/** @type {number} */ count) =>
      page.waitForFunction(`document.getElementById('events').textContent === '${count}'`, null, { timeout: 120_000 })
    for (const [i, outcome] of ['Read', 'Skip', 'Read', 'Skip', 'Read'].entries()) {
      await page.getByRole('button', { name: outcome }).nth(i).click()
      await eventsAre(i + 1)
    }
    const seen = join(folder, 'seen.json')
    writeFileSync(seen, JSON.stringify(await page.evaluate(whatThePageHas)))
    const { events, ...differences } = JSON.parse(await output('Node', node(['in-node.mjs', seen], folder)))
    assert.equal(events, 5)
    for (const [what, difference] of Object.entries(differences))
      assert(difference <= tolerance, `${name}: ${what} of the page and of Node differ by ${difference}`)
    const kept = join(pictures, `page-${name.replace(', ', '-').toLowerCase()}`)
    await page.screenshot({ path: `${kept}.png` })
    if (hasGpu) {
      // As a driver does that is reset.
      await page.evaluate('device.destroy()')
      await page.getByRole('button', { name: 'Read' }).first().click()
      await eventsAre(6)
    }
    await page.setViewportSize({ width: 360, height: 800 })
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, `${name}: fits a phone`)
    const [place, first, steady, ranking] = await page.locator('dd').allTextContents()
    assert.deepEqual(late, [], `${name}: nothing is requested once the page is ready`)
    assert.equal(await page.textContent('#requests'), '0')

    await context.setOffline(false)
    if (hasGpu) {
      await page.route('**/weights.safetensors', (/** @type {any} */ route) => route.fulfill({ body: 'other bytes' }))
      await page.reload()
      await page.waitForSelector('body[data-state=failed]')
      const said = await page.textContent('#status')
      assert.match(said, /^model\/snapshot: the checksum of weights.safetensors does not match/)
      messages.splice(0)
      await page.unroute('**/weights.safetensors')
    }
    await page.reload()
    await isReady()
    assert.equal(await page.textContent('#events'), hasGpu ? '6' : '5', `${name}: events outlive the page`)
    await page.click('#forget')
    await eventsAre(0)
    assert.deepEqual(messages, [])

    say(`${name}: ${place}`)
    say(`  first embedding ${first}; each further one ${steady}; ranking ${ranking}`)
    say(`  from Node's differ ${JSON.stringify(differences)}`)
    const codes = responses.filter(({ path }) => path.endsWith('.js'))
    const codeBytes = codes.reduce((sum, { body }) => sum + gzipSync(body).length, 0)
    say(`  ${responses.length} requests until it was ready, none after; ${codeBytes} bytes of code, gzipped`)
    const lines = responses.map(({ path, body }) => `${String(body.length).padStart(9)}  ${path}`)
    const network = ['    bytes  path', ...lines, '           ready, and no request after'].join('\n')
    writeFileSync(`${kept}.txt`, `${network}\n`)
    if (how === 'dev') return
    say(network)
    if (hasGpu) assert(codeBytes <= maxCodeBytes, `${codeBytes} bytes of code, gzipped, are over ${maxCodeBytes}`)
  } finally {
    await context.close()
  }
}

const say = (/** @type {string} */ line) => process.stdout.write(`${line}\n`)

/** @type {Record<string, string>} A browser that has no WebGPU, and one that has no adapter for it; as text for the page. */
const withoutGpu = {
  dev: "Object.defineProperty(navigator, 'gpu', { value: undefined })",
  built: 'navigator.gpu.requestAdapter = async () => null',
}

/** Keeps the newest device of the page as `device`; as text for the page. */
const keptDevice = `{
  const { requestDevice } = GPUAdapter.prototype
  GPUAdapter.prototype.requestDevice = async function (...given) {
    globalThis.device = await requestDevice.apply(this, given)
    return globalThis.device
  }
}`

/** In the page, as text: it knows other globals than this file. */
const whatThePageHas = `(async () => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const database = await settled(indexedDB.open('headwater'))
  const events = await settled(database.transaction('events').objectStore('events').getAll())
  const { nowMs, embedding, ranked } = latest
  const pairs = ranked.map(({ item, probability }) => [item.id, probability])
  return { events, nowMs, embedding: [...embedding], ranked: pairs }
})()`

if (process.argv[1] === import.meta.filename) {
  const place = mkdtempSync(join(tmpdir(), 'headwater-page-check-'))
  const [directory] = process.argv.slice(2)
  try {
    const tarballs = await packPackages(join(place, 'packed'), packagesOfExample('browser'))
    await checkPage(tarballs, place, directory ? resolve(process.env.INIT_CWD ?? '.', directory) : place)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
