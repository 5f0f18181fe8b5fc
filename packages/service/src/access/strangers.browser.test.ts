/** What a page of another origin can do in a real browser, and what names that are scripts do in the console. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openBrowser } from '@headwater/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService, until } from '../../testing/observed-service.ts'

let browser: Awaited<ReturnType<typeof openBrowser>>
let strangers: Server
beforeAll(async () => {
  strangers = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>A page of somebody else</title><iframe name="answer"></iframe>')
  })
  await new Promise<void>((resolve) => strangers.listen(0, resolve))
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  strangers.close()
})

interface Route {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

const nowMs = Date.now()

/** Good bodies of the routes that change something. */
const bodies: Readonly<Record<string, unknown>> = {
  'POST /v1/events': { users: ['new'], items: ['i'], timesMs: [nowMs], fields: { rating: [9] } },
  'POST /v1/outcomes': { downstream: 'd', requests: ['r'], predictions: [0.5], labels: [1], timesMs: [nowMs] },
  'POST /v1/models/m/promote': { snapshot: 4 },
  'PUT /v1/users/victim/features': { values: { country: 'no' }, timeMs: nowMs },
}

/** All routes of the description that are not only read, and those of the console. */
async function changingRoutes(url: string): Promise<readonly Route[]> {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> }
  const named = (path: string) => path.replace(/\{[^}]*\}/g, path.includes('/users/') ? 'victim' : 'm')
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .map((method) => method.toUpperCase())
      .filter((method) => method !== 'GET')
      .map((method) => ({ method, path: named(path), body: bodies[`${method} ${named(path)}`] ?? {} })),
  )
  return [...described, { method: 'POST', path: '/console/user', body: { user: 'victim' } }]
}

/** Each way in which a page may send a request: with what needs the other origin's leave, and with what does not. */
const attack = `async ([url, routes]) => {
  const send = (path, init) => fetch(url + path, init).then(() => 'sent', () => 'blocked')
  for (const { method, path, body } of routes) {
    const text = JSON.stringify(body)
    const json = { 'content-type': 'application/json' }
    await send(path, { method, body: text, headers: json })
    await send(path, { method, headers: { 'x-request-id': 'r' } })
    if (method !== 'POST') continue
    await send(path, { method, mode: 'no-cors', credentials: 'include' })
    await send(path, { method, mode: 'no-cors', credentials: 'include', body: text })
    await send(path, { method, mode: 'no-cors', body: new URLSearchParams({ a: text }) })
    navigator.sendBeacon(url + path, text)
    const frame = document.querySelector('iframe')
    const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
    const form = document.createElement('form')
    Object.assign(form, { method, action: url + path, enctype: 'text/plain', target: 'answer' })
    const input = document.createElement('input')
    // What follows the name is a sign of equality.
    Object.assign(input, { name: text.slice(0, -1) + ',"more":"', value: '"}' })
    form.append(input)
    document.body.append(form)
    form.submit()
    await loaded
  }
}`

it.each([
  ['another site', 'localhost'],
  ['another port of the same host', '127.0.0.1'],
])('a page of %s changes nothing where the address alone lets in', async (_, host) => {
  const service = await observeService({ auth: 'loopback' })
  const { url, pooling, control, outcomes } = service
  const { store } = service.tenants.get('default')!
  const send = (path: string, body: unknown) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  await send('/v1/events', { users: ['victim'], items: ['i'], timesMs: [nowMs - 1], fields: { rating: [9] } })
  await until(() => pooling.counters.refreshes === 1)
  await send('/v1/models/m/promote', { snapshot: 4 })
  const state = async () => ({
    served: control.served,
    promotions: control.promotions,
    events: pooling.counters.events,
    outcomes: outcomes.size,
    versions: [...(await store.readStates('user', ['victim', 'new'])).versions],
    forgotten: [...(await store.forgottenAtMs(['victim', 'new']))],
  })
  const before = await state()
  const routes = await changingRoutes(url)
  expect(routes.length).toBeGreaterThan(7)

  const page = await browser.newPage()
  const answers: string[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(url)) answers.push(`${response.request().method()} ${response.status()}`)
  })
  await page.goto(`http://${host}:${(strangers.address() as AddressInfo).port}`)
  await page.evaluate(`(${attack})(${JSON.stringify([url, routes])})`)
  expect(await state()).toEqual(before)
  // Those that the browser sent were refused for what they are; the others it did not send, as the service gave no leave.
  const sent = answers.filter((answer) => !answer.startsWith('OPTIONS'))
  expect(sent.length).toBeGreaterThan(3 * routes.filter(({ method }) => method === 'POST').length)
  expect(new Set(sent)).toEqual(new Set(['POST 403']))

  // The service's own page may do all of it.
  await page.goto(`${url}/console`)
  const own = routes.map(
    ({ method, path, body }) => `fetch('${path}', {
    method: '${method}', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(JSON.stringify(body))}
  }).then(({ status }) => status)`,
  )
  const statuses = (await page.evaluate(`(async () => [${own.map((each) => `await ${each}`)}])()`)) as number[]
  expect(statuses.filter((status) => status === 403)).toEqual([])
  const after = await state()
  for (const [key, value] of Object.entries(before))
    if (key !== 'served') expect(after[key as keyof typeof after], key).not.toEqual(value)
  await page.close()
})

it('names that are scripts are shown in the console as they are, and run nowhere', async () => {
  const script = `"'><img src=x onerror="window.ran = 1"><script>window.ran = 1</script>\${window.ran = 1}`
  const { url, ask, pooling } = await observeService({}, {}, 'debug', script)
  const event = { users: [script], items: [script], ids: [script], timesMs: [nowMs], fields: { rating: [9] } }
  expect((await ask('POST', '/v1/events', event)).status).toBe(200)
  await until(() => pooling.counters.refreshes === 1)
  expect((await ask('POST', '/v1/embeddings/read', { users: [script], models: [script] })).status).toBe(200)
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('console', (message) => {
    // The browser tells there that a token is asked for.
    if (!/status of 401/.test(message.text())) problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('dialog', (dialog) => problems.push(dialog.message()))
  await page.goto(`${url}/console`)
  await page.waitForSelector('#sign-in:not([hidden])')
  await page.keyboard.type(tokenOf.boss)
  await page.keyboard.press('Enter')
  await page.waitForSelector('#models button')
  await page.fill('#user-key', script)
  await page.press('#user-key', 'Enter')
  await page.waitForSelector('#user-answer .card')
  expect(await page.textContent('#user-answer code')).toBe(script)
  expect(await page.textContent('#models code')).toBe(script)
  await page.click('#models button.quiet')
  expect(await page.textContent('#confirm-title')).toContain(script)
  // An answer that names them is no page to a browser.
  for (const path of [`/v1/models/${encodeURIComponent(script)}`, `/${encodeURIComponent(script)}`])
    expect((await page.request.get(`${url}${path}`)).headers()['content-type']).toMatch(/^application\/json/)
  expect(await page.evaluate(`document.querySelectorAll('img, script:not([src]), [onerror]').length`)).toBe(0)
  expect([await page.evaluate('window.ran'), problems]).toEqual([undefined, []])
  await page.close()
})
