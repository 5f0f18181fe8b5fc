/** The report of a recorded run in a real browser. Screenshots stay in `.cache/screenshots`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { StressResult } from '@headwater/load/stress'
import { accessibilityViolations, openBrowser, temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderStressReport } from './report.ts'
import sample from './sample-result.json' with { type: 'json' }
import { renderText } from './words.ts'

const screenshots = fileURLToPath(new URL('../../../../../.cache/screenshots/', import.meta.url))
const result = sample as unknown as StressResult
const hostile = `headwater stress ${'x'.repeat(300)}<script>console.error('ran')</script>`
let browser: Awaited<ReturnType<typeof openBrowser>>
let address: string

beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true })
  const file = join(temporaryDirectory(), 'stress.html')
  writeFileSync(file, renderStressReport(result, hostile))
  address = pathToFileURL(file).href
  browser = await openBrowser()
})

afterAll(() => browser?.close())

interface Looks {
  readonly pageWidth: number
  readonly plots: number
  readonly lines: number
  /** Names of lines that stand on one another. */
  readonly covered: string[]
  readonly background: string
}

test.each([
  { width: 360, colorScheme: 'light', background: 'rgb(255, 255, 255)' },
  { width: 360, colorScheme: 'dark', background: 'rgb(20, 24, 28)' },
  { width: 1280, colorScheme: 'dark', background: 'rgb(20, 24, 28)' },
] as const)(
  'at $width px, $colorScheme: nothing overflows, runs or is loaded',
  async ({ width, colorScheme, background }) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    const messages: string[] = []
    const requests: string[] = []
    page.on('console', (message) => messages.push(message.text()))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(address)
    const violations = await accessibilityViolations(page)
    await page.evaluate(`document.querySelectorAll('details').forEach((own) => { own.open = true })`)
    const looks: Looks = await page.evaluate(`(() => {
    const shown = [...document.querySelectorAll('figure svg')].filter((svg) => svg.checkVisibility())
    const covered = shown.flatMap((svg) => {
      const boxes = [...svg.querySelectorAll('text')].filter((text) => /^[a-z]/.test(text.textContent) && text.getBoundingClientRect().left > svg.getBoundingClientRect().right - 90)
        .map((text) => ({ name: text.textContent, box: text.getBoundingClientRect() }))
      return boxes.filter(({ box }, i) => boxes.some((other, j) => j < i && Math.abs(other.box.top - box.top) < 8)).map(({ name }) => name)
    })
    return {
      pageWidth: document.documentElement.scrollWidth,
      plots: shown.length,
      lines: shown.reduce((sum, svg) => sum + svg.querySelectorAll('[aria-label="line"] path').length, 0),
      covered,
      background: getComputedStyle(document.body).backgroundColor,
    }
  })()`)
    await page.screenshot({ path: `${screenshots}stress-${width}-${colorScheme}.png`, fullPage: true })
    await page.close()
    expect(messages).toEqual([])
    expect(violations).toEqual([])
    expect(requests).toEqual([address])
    // p50, p99, p99.9; four parts; load, loop, service, encoder; calls and refreshes.
    expect(looks).toEqual({ pageWidth: width, plots: 4, lines: 13, covered: [], background })
  },
)

test('the terminal has the same steps and the same verdict', () => {
  const text = renderText(result)
  const rows = text.split('\n').filter((line) => /^ +\d/.test(line))
  expect(rows).toHaveLength(result.steps.length)
  expect(text).toContain('Holds 652 calls a second within a p99 of 50 ms; the event loop gives way.')
  expect(text).toContain('At 711 it breaks: p99 68.3 ms.')
})
