// `npx nx run docs:build`: the site, in docs/site/dist. What follows `--` reaches VitePress: `--base /headwater/` for a site that is
// not at the root of its host.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { matchesLock, runNpm } from '../../tools/dependencies.mjs'
import { lastWords, runProgram } from '../../tools/run-program.mjs'
import { writeApi } from './api.mjs'
import { inSite, pagesDirectory, siteDirectory } from './places.mjs'
import { stage } from './stage.mjs'

const startMs = performance.now()
await installGenerator()
rmSync(pagesDirectory, { recursive: true, force: true })
const api = await timed('API reference, by TypeDoc', writeApi)
const pages = await timed('pages', async () => stage(api))
await timed('site, by VitePress', () => vitepress(['build', '.', ...process.argv.slice(2)]))
const files = readdirSync(siteDirectory, { recursive: true, encoding: 'utf8' })
const bytes = files.reduce((sum, file) => sum + sizeOf(join(siteDirectory, file)), 0)
process.stdout.write(
  `${pages} pages and ${api.length} of the API in ${seconds(startMs)} s: ${(bytes / 1e6).toFixed(1)} MB in docs/site/dist\n`,
)

/** Only who builds the site has its generator: the packages' set-up does not bring it. */
async function installGenerator() {
  const [wanted, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    readLock(inSite(file)),
  )
  if (wanted && installed && matchesLock(wanted, installed)) return
  await timed('generator, by npm', async () => {
    const outcome = await runNpm(['ci'], inSite('.'))
    if (outcome.code !== 0) throw new Error(`npm ci failed in docs/site.\n${lastWords(outcome)}`)
  })
}

/** @param {string} file */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** @param {readonly string[]} args */
async function vitepress(args) {
  const program = inSite('node_modules/vitepress/bin/vitepress.js')
  const outcome = await runProgram(process.execPath, [program, ...args], { cwd: inSite('.') })
  if (outcome.code !== 0) throw new Error(`VitePress failed.\n${lastWords(outcome)}`)
}

/** @template T @param {string} what @param {() => Promise<T>} work */
async function timed(what, work) {
  const beganMs = performance.now()
  const done = await work()
  process.stdout.write(`${what}: ${seconds(beganMs)} s\n`)
  return done
}

/** @param {number} sinceMs */
function seconds(sinceMs) {
  return ((performance.now() - sinceMs) / 1000).toFixed(1)
}

/** @param {string} path */
function sizeOf(path) {
  const stat = statSync(path)
  return stat.isFile() ? stat.size : 0
}
