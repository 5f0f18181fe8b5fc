// `npx nx run tools:pictures -- [DIRECTORY] [--minutes N]`: the pictures of report and console in docs/pictures, light and dark, of a real
// run. DIRECTORY is `--out` of a run with its `report.html` in it; without one the main job runs first. A service of its newest snapshot
// is then asked and sent events for N minutes, 12 where nothing is said, so that its charts have something to show.
// `npx nx run tools:pictures -- --site`: four pages of the site that `npx nx run docs:build` made, on a screen and on a phone.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { openLog } from '../packages/datasets/src/index.ts'
import { openBrowser } from '../packages/testkit/src/index.ts'
import { runProgram } from './run-program.mjs'
import { startServer } from './start-server.mjs'
import { inWorkspace } from './workspace.mjs'

/** Of a picture: README is read on a phone too. */
const maxBytes = 150_000
const pictures = inWorkspace('docs/pictures')
const headwater = inWorkspace('packages/cli/bin/headwater.js')
/** Between calls; a read of so many users, some of them strangers, and events every so many calls. */
const callMs = 50
const usersARead = 20
const strangersARead = 1
const readsAnEvent = 4
const marginPx = 24
/** What the browser is told that the site's host is. */
const siteAddress = 'http://site.test'
const sitePages = {
  home: 'index.html',
  tutorial: 'tutorial.html',
  concepts: 'concepts.html',
  api: 'api/@headwater/client.html',
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '12' }, site: { type: 'boolean', default: false } },
})
const place = mkdtempSync(join(tmpdir(), 'headwater-pictures-'))
const browser = await openBrowser()
try {
  await (values.site ? ofSite() : ofReportAndConsole())
} finally {
  await browser.close()
  rmSync(place, { recursive: true })
}

async function ofReportAndConsole() {
  const run = positionals[0] === undefined ? await mainJob() : resolve(positionals[0])
  await take('report', pathToFileURL(join(run, 'report.html')).href, 'header')
  const args = ['--model', join(run, 'seed-1/snapshots'), '--store', `lmdb:${join(place, 'store')}`, '--port', '0']
  const service = await startServer(process.execPath, [headwater, 'serve', ...args, '--backfill', 'movietweetings'], {
    cwd: place,
    env: process.env,
  })
  try {
    const ending = new AbortController()
    const sending = send(service.url, ending.signal)
    await Promise.race([sending, wait(Number(values.minutes) * 60_000)])
    await take('console', `${service.url}/console`, null)
    ending.abort()
    await sending
  } finally {
    await service.stop()
  }
}

/** Pages of the site as it was built, on a screen and on a phone. */
async function ofSite() {
  const built = inWorkspace('docs/site/dist')
  assert.ok(existsSync(built), 'there is no site; npx nx run docs:build makes it')
  for (const [name, file] of Object.entries(sitePages))
    for (const width of [1280, 390]) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: 'light', locale: 'en-GB' })
      await page.route(`${siteAddress}/**`, (route) =>
        route.fulfill({ path: join(built, new URL(route.request().url()).pathname) }),
      )
      await page.goto(`${siteAddress}/${file}`, { waitUntil: 'networkidle' })
      await keep(`site-${name}-${width}`, await page.screenshot())
      await page.close()
    }
}

/** @returns {Promise<string>} where the run left all that it made */
async function mainJob() {
  const out = join(place, 'out')
  const args = [headwater, 'run', '--out', out, '--report', join(place, 'report.html')]
  const { code, stderr } = await runProgram(process.execPath, args, { cwd: place })
  assert.equal(code, 0, stderr)
  renameSync(join(place, 'report.html'), join(out, 'report.html'))
  return out
}

/** The log's last events, as of now, and reads of their users. @param {string} url @param {AbortSignal} signal */
async function send(url, signal) {
  const log = await openLog({ data: 'movietweetings' })
  /** @type {import('../packages/features/src/index.ts').LogEvent[]} */
  const events = []
  for await (const chunk of log.events({ from: log.timeRange.lastMs - 14 * 86_400_000 })) events.push(...chunk)
  const names = log.schema.fields.map(({ name }) => name)
  await log.close()
  const post = async (/** @type {string} */ route, /** @type {object} */ body) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url + route, { method: 'POST', headers, body: JSON.stringify(body) })
    assert.equal(response.ok, true, await response.text())
  }
  for (let call = 0; !signal.aborted; call++) {
    const known = Array.from(
      { length: usersARead - strangersARead },
      (_, i) => events[(7 * call + i) % events.length].user,
    )
    const strangers = Array.from({ length: strangersARead }, (_, i) => `new-${call}-${i}`)
    await post('/v1/embeddings/read', { users: [...new Set([...known, ...strangers])], models: ['sum'] })
    if (call % readsAnEvent === 0) {
      const { user, item, values } = events[(call / readsAnEvent) % events.length]
      const fields = Object.fromEntries(names.map((name, i) => [name, [values[i]]]))
      await post('/v1/events', { users: [user], items: [item], timesMs: [Date.now()], fields })
    }
    // More of them now and then, as days have it.
    await wait(callMs * (1.5 + Math.sin(call / 400)))
  }
}

/** The first screen of a page, or one of its elements, light and dark. @param {string} name @param {string} address @param {string | null} element */
async function take(name, address, element) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const viewport = { width: 1280, height: 900 }
    const page = await browser.newPage({
      viewport,
      colorScheme,
      deviceScaleFactor: 1.5,
      timezoneId: 'UTC',
      locale: 'en-GB',
    })
    await page.goto(address)
    // A console that was opened asks once in two seconds.
    await wait(5_000)
    const box = element === null ? null : await page.locator(element).first().boundingBox()
    const png = await page.screenshot(box === null ? {} : { fullPage: true, clip: withMargin(box) })
    await keep(`${name}-${colorScheme}`, png)
    await page.close()
  }
}

/** @param {string} name @param {Buffer} png */
async function keep(name, png) {
  const path = join(pictures, `${name}.webp`)
  writeFileSync(path, await webp(png))
  const { size } = statSync(path)
  console.log(`${path}: ${size} bytes`)
  assert.ok(size <= maxBytes, `more than ${maxBytes}`)
}

/** @param {{ x: number, y: number, width: number, height: number }} box */
function withMargin({ x, y, width, height }) {
  const [left, top] = [Math.max(0, x - marginPx), Math.max(0, y - marginPx)]
  return { x: left, y: top, width: x - left + width + marginPx, height: y - top + height + marginPx }
}

/** Written by the browser, which takes pictures as PNG alone. @param {Buffer} png */
async function webp(png) {
  const page = await browser.newPage()
  const source = JSON.stringify(`data:image/png;base64,${png.toString('base64')}`)
  // As text, since its globals are the browser's.
  const bytes = /** @type {string} */ (
    await page.evaluate(`(async () => {
      const bitmap = await createImageBitmap(await (await fetch(${source})).blob())
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
      canvas.getContext('2d').drawImage(bitmap, 0, 0)
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })
      return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(''))
    })()`)
  )
  await page.close()
  return Buffer.from(bytes, 'base64')
}
