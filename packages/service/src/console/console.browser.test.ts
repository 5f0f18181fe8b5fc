/** The console in a real browser, of a service that listens. Screenshots stay in `.cache/screenshots`. */

import { mkdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { accessibilityViolations, openBrowser } from '@headwater/testkit'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { openService, tokenOf } from '../../testing/http-service.ts'
import { observeService, until } from '../../testing/observed-service.ts'

const screenshots = fileURLToPath(new URL('../../../../.cache/screenshots/', import.meta.url))
type Browser = Awaited<ReturnType<typeof openBrowser>>
type Page = Awaited<ReturnType<Browser['newPage']>>

let browser: Browser
const pages: Page[] = []

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true })
  browser = await openBrowser()
})
afterEach(async () => {
  for (const page of pages.splice(0)) await page.close()
})
afterAll(() => browser?.close())

/** The page, with what it complains of and asks for. Its clock can be put forward, so that nobody waits for its timers. */
async function openConsole(url: string) {
  const viewport = { width: 1_280, height: 900 }
  const page = await browser.newPage({ viewport, colorScheme: 'light', timezoneId: 'Europe/Oslo' })
  pages.push(page)
  const problems: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    // What the service refuses is told there by the browser itself.
    if (!/status of 4\d\d|ERR_CONNECTION/.test(message.text())) problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  await page.clock.install()
  await page.goto(`${url}/console`)
  const text = (selector: string) => page.textContent(selector)
  return { page, problems, requests, text }
}

const looks = [
  { width: 1_280, colorScheme: 'light', background: 'rgb(246, 247, 249)' },
  { width: 1_280, colorScheme: 'dark', background: 'rgb(15, 19, 23)' },
  { width: 360, colorScheme: 'dark', background: 'rgb(15, 19, 23)' },
  { width: 360, colorScheme: 'light', background: 'rgb(246, 247, 249)' },
  { width: 1_920, colorScheme: 'light', background: 'rgb(246, 247, 249)' },
] as const

/** The browser shares the machine with others. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 30_000 })

async function connect(page: Page, token: string): Promise<void> {
  await page.waitForSelector('#sign-in:not([hidden])')
  await page.keyboard.type(token)
  await page.keyboard.press('Enter')
}

/** Presses Tab until the control of this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = `document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent`
  for (let i = 0; i < 80; i++) {
    if ((await page.evaluate(focused)) === name) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not lead to "${name}"`)
}

const eventOf = (user: string) => ({ users: [user], items: ['i'], timesMs: [Date.now()], fields: { rating: [9] } })

it('asks for a token, refuses a wrong one, and shows the figures of what was sent', async () => {
  const { url, ask, pooling } = await observeService()
  for (const user of ['ann', 'bob', 'eve']) await ask('POST', '/v1/events', eventOf(user))
  await until(() => pooling.counters.refreshes === 3)
  for (let i = 0; i < 12; i++)
    await ask('POST', '/v1/embeddings/read', { users: ['ann', 'bob', 'eve', `cold-${i}`], models: ['m'] })
  await ask('POST', '/v1/embeddings/read', { users: ['ann'], models: ['m'] }, tokenOf.other)
  const { page, problems, requests, text } = await openConsole(url)
  await connect(page, 'no-such-token')
  await eventually(() => text('#sign-in-error')).toMatch(/^unauthenticated: the token is not known/)
  expect(await page.isVisible('main')).toBe(false)
  await connect(page, tokenOf.boss)
  await page.waitForSelector('main:not([hidden])')
  expect(await text('#who')).toBe('Tenant default, token boss')
  expect(await text('#state-text')).toMatch(/^Live \d\d:\d\d:\d\d (CET|CEST|GMT\+\d)$/)
  // 36 rows of 48 were held, 12 were not; the other tenant's read is not among them.
  await eventually(() => text('#read-tiles')).toContain('48 rows since the start')
  expect(await text('#read-tiles')).toContain('12 rows since the start')
  expect(await text('#refresh-tiles')).toContain('3 since the start')
  expect(await text('#refresh-tiles')).toContain('ready')
  await eventually(() => page.getAttribute('#read-charts figure:last-child .plot', 'aria-label')).toMatch(
    /: \d.* % up to \d/,
  )
  expect(await text('#read-charts figure:last-child figcaption')).toContain('rows 36')
  // The service looks every two seconds; the page shows the step that the reads fell into.
  await page.clock.fastForward(2_500)
  await eventually(() => page.getAttribute('#read-charts .plot >> nth=0', 'aria-label')).toMatch(/p50: .*between \d/)
  // A point that the keyboard chooses is said, and all charts over time show it.
  const moment = () => text('#read-charts .moment >> nth=1')
  await page.focus('#read-charts .plot >> nth=0')
  await page.keyboard.press('ArrowLeft')
  await eventually(() => text('#chart-said')).toMatch(/^\d\d:\d\d:\d\d, p99 .*, p50 /)
  await eventually(moment).toMatch(/^\d\d:\d\d:\d\d–\d\d:\d\d:\d\d$/)
  await page.keyboard.press('Escape')
  await eventually(moment).toBe('')
  expect(await text('#now-fresh-more')).toContain('of 48 rows in the last 15 min')
  expect(await text('#now-served')).toBe('Snapshot 3')
  expect(await text('#now-wrong')).toBe('Nothing')
  // A user, by a body alone.
  await page.fill('#user-key', 'ann')
  await page.press('#user-key', 'Enter')
  await eventually(() => text('#user-answer')).toMatch(/m\s*fresh.*Snapshot3/)
  await page.fill('#user-key', 'x'.repeat(600))
  await page.press('#user-key', 'Enter')
  await eventually(() => text('#user-answer')).toMatch(/^invalid_key: /)
  expect(problems).toEqual([])
  for (const request of requests) {
    expect(request.startsWith(url), request).toBe(true)
    expect(request).not.toMatch(/ann|token/)
  }
  await page.reload()
  await page.waitForSelector('main:not([hidden])')
  await page.click('#sign-out')
  await page.reload()
  await page.waitForSelector('#sign-in:not([hidden])')
})

it('promotes and rolls back by the keyboard alone, and shows what is refused', async () => {
  const { url, control } = await observeService()
  const { page, problems, text } = await openConsole(url)
  await connect(page, tokenOf.boss)
  await page.waitForSelector('#models button')
  const isOpen = () => page.evaluate(`document.querySelector('dialog').open`)
  const choose = 'Promote the chosen snapshot of m'
  // The newest that the gate does not hold is chosen already.
  await tabTo(page, choose)
  await page.keyboard.press('Enter')
  expect(await text('#confirm-title')).toBe('Promote snapshot 4 of m?')
  expect(await text('#confirm-text')).toContain('through snapshot 4 in place of 3 once it is loaded')
  await page.keyboard.press('Escape')
  expect(await isOpen()).toBe(false)
  expect(control.served).toBe(3)
  // The focus is back where it was.
  await page.keyboard.press('Enter')
  await tabTo(page, 'Promote snapshot 4')
  await page.keyboard.press('Enter')
  await eventually(() => text('#snapshots-said')).toBe('Snapshot 4 of m is served.')
  expect([control.served, await isOpen()]).toEqual([4, false])
  await eventually(() => text('#models .badge.served')).toBe('served')
  await tabTo(page, 'Snapshot of m to promote')
  await page.keyboard.type('5')
  await tabTo(page, choose)
  await page.keyboard.press('Enter')
  expect(await text('#confirm-text')).toContain('The gate holds it')
  expect(await accessibilityViolations(page)).toEqual([])
  await tabTo(page, 'Promote snapshot 5')
  await page.keyboard.press('Enter')
  await eventually(() => text('#confirm-error')).toMatch(/^snapshot_refused: snapshot 5 is held by the gate/)
  await page.keyboard.press('Escape')
  await page.evaluate(`document.querySelector('#snapshots').focus()`)
  await tabTo(page, 'Roll back m')
  await page.keyboard.press('Enter')
  await tabTo(page, 'Roll back')
  await page.keyboard.press('Enter')
  await eventually(() => text('#snapshots-said')).toBe('Snapshot 3 of m is served.')
  expect(control.served).toBe(3)
  // What has the focus can be seen.
  await tabTo(page, 'Roll back m')
  expect(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)).toBe('solid')
  expect(problems).toEqual([])
  // A token that may only read is offered neither.
  const reader = await openConsole(url)
  await connect(reader.page, tokenOf.reader)
  await eventually(() => reader.text('#models')).toContain('held by the gate')
  expect(await reader.page.locator('#models button, #models select').count()).toBe(0)
  expect(await reader.text('#snapshots-note')).toContain('need a token with the scope admin')
  expect(await reader.text('#service-note')).toContain('need a token with the scope metrics')
})

it('fits wide and narrow screens, light and dark', async () => {
  const { url, ask, pooling, control } = await observeService()
  control.report = {
    snapshot: 4,
    rows: 5_120,
    cosineMean: 0.95,
    cosineP1: 0.87,
    normRatioMean: 1,
    sameFrame: true,
    panel: null,
  }
  control.compared = { residual: 0.2, centredCosine: 0.97, varianceKept: 0.96, effectiveRank: 3.5 }
  const users = Array.from({ length: 24 }, (_, i) => `user-${i}`)
  await ask('POST', '/v1/events', {
    users,
    items: users.map((_, i) => `i-${i}`),
    timesMs: users.map(() => Date.now()),
    fields: { rating: users.map((_, i) => i % 9) },
  })
  await until(() => pooling.counters.refreshes === users.length)
  for (let i = 0; i < 5; i++) await ask('POST', '/v1/embeddings/read', { users: [...users, 'cold'], models: ['m'] })
  const { page, problems, text } = await openConsole(url)
  await connect(page, tokenOf.boss)
  await eventually(() => text('#drift-note')).toMatch(/^24 users, a sample/)
  await page.clock.fastForward(2_500)
  await eventually(() => page.getAttribute('#read-charts .plot >> nth=0', 'aria-label')).toMatch(/p50: .*between \d/)
  const rows = `[...document.querySelectorAll('#models tr')].map(({ cells }) => [...cells].map((cell) => cell.textContent))`
  await eventually(async () => {
    const [heads, newest] = (await page.evaluate(rows)) as string[][]
    return Object.fromEntries(heads.map((head, i) => [head, newest[i]]))
  }).toMatchObject({
    ...{
      Frame: '0',
      'Centred cosine': '0.9700',
      Residual: '0.2000',
      'Variance kept': '0.9600',
      'Effective rank': '3.5',
    },
  })
  await page.fill('#user-key', 'user-3')
  await page.press('#user-key', 'Enter')
  await eventually(() => text('#user-answer')).toContain('Snapshot3')
  await page.click('summary')
  // Every chart is told in words, and every control has a name.
  const unnamed = `[...document.querySelectorAll('[role=img], canvas')].filter((each) => each.checkVisibility() &&
    !each.closest('[aria-label]')).length + [...document.querySelectorAll('input, select')]
    .filter((input) => input.labels.length === 0).length`
  expect(await page.evaluate(unnamed)).toBe(0)
  for (const { width, colorScheme, background } of looks) {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme })
    // Charts follow the width of the page.
    await eventually(() =>
      page.evaluate(`document.querySelector('#read-charts canvas').getBoundingClientRect().right <= ${width}`),
    ).toBe(true)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(background)
    // Once in each scheme and layout.
    if ((width === 360) === (colorScheme === 'dark') && width < 1_920)
      expect(await accessibilityViolations(page)).toEqual([])
    await page.evaluate('scrollTo(0, 0)')
    await page.screenshot({ path: `${screenshots}console-${width}-${colorScheme}.png`, fullPage: true })
  }
  expect(problems).toEqual([])
})

it('says when the service is away, recovers by itself, and does not grow meanwhile', async () => {
  const first = await openService({ auth: 'loopback' })
  const url = await first.listen()
  const { page, text } = await openConsole(url)
  // Without tokens nobody is asked for one.
  await page.waitForSelector('main:not([hidden])')
  // What has nothing to show says how it comes to have something, and nothing looks wrong.
  expect([await text('#now-fresh'), await text('#now-wrong')]).toEqual(['Nothing was read', 'Nothing'])
  expect([await page.isVisible('#reads-none'), await page.isVisible('#read-charts')]).toEqual([true, false])
  const polled = async () => {
    let isAnswered = false
    const answered = page.waitForResponse(/console\/data/).then(() => {
      isAnswered = true
    })
    // The page sets its next poll once it has shown what it asked for: time may pass too early for it, and is to pass again.
    while (!isAnswered) {
      await page.clock.fastForward(2_100)
      await Promise.race([answered, wait(300)])
    }
  }
  const elements = () => page.evaluate(`document.querySelectorAll('*').length`)
  for (let i = 0; i < 4; i++) await polled()
  const before = await elements()
  for (let i = 0; i < 16; i++) await polled()
  expect(await elements()).toBe(before)
  await first.close()
  await page.clock.fastForward(2_100)
  await eventually(() => text('#state-text')).toBe('No answer')
  expect(await text('#away')).toMatch(/^The service has not answered since \d\d:\d\d:\d\d (CET|CEST|GMT\+\d)\./)
  expect(await page.isVisible('#now')).toBe(true)
  const second = await openService({ auth: 'loopback' })
  try {
    await second.server.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })
    await page.clock.fastForward(31_000)
    await eventually(() => text('#state-text')).toMatch(/^Live /)
    expect(await page.isVisible('#away')).toBe(false)
  } finally {
    await second.close()
  }
})
