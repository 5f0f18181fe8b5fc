import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openBrowser, temporaryDirectory } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { renderReport } from './report.ts'
import type { MainJobResult } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }
import { colors } from './style.ts'

const result: MainJobResult = {
  ...sample,
  // Long words and markup must neither widen the page nor run.
  adapter: `${'x'.repeat(300)}<script>console.error('ran')</script>`,
  command: `headwater run --data ${'/long'.repeat(60)}/*.parquet`,
  warnings: ['An AUC of 0.84 is above what this log is known to allow.'],
}

let browser: Awaited<ReturnType<typeof openBrowser>>
let address: string

beforeAll(async () => {
  const file = join(temporaryDirectory(), 'report.html')
  writeFileSync(file, renderReport(result))
  address = pathToFileURL(file).href
  browser = await openBrowser()
})

afterAll(() => browser?.close())

/** Opens the report and returns what it logged, asked for and looks like. */
async function look(options: { width: number; colorScheme: 'light' | 'dark'; media?: 'print' }) {
  const page = await browser.newPage({
    viewport: { width: options.width, height: 800 },
    colorScheme: options.colorScheme,
  })
  try {
    const messages: string[] = []
    const requests: string[] = []
    page.on('console', (message) => messages.push(message.text()))
    page.on('pageerror', (error) => messages.push(error.message))
    page.on('request', (request) => requests.push(request.url()))
    await page.goto(address)
    if (options.media) await page.emulateMedia({ media: options.media })
    // As text, since what runs in the page knows other globals than this file.
    const looks: Looks = await page.evaluate(`({
      pageWidth: document.documentElement.scrollWidth,
      background: getComputedStyle(document.body).backgroundColor,
      ink: getComputedStyle(document.querySelector('figure svg')).color,
      armInk: getComputedStyle(document.querySelector('.figures div')).borderTopColor,
      shown: [...document.querySelectorAll('figure svg')].filter((svg) => svg.checkVisibility()).length,
      smallestText: Math.min(...[...document.querySelectorAll('figure svg text')]
        .filter((text) => text.checkVisibility())
        .map((text) => text.getBoundingClientRect().height)),
      scrollingTables: [...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth).length,
    })`)
    return { messages, requests, looks }
  } finally {
    await page.close()
  }
}

interface Looks {
  pageWidth: number
  background: string
  ink: string
  armInk: string
  shown: number
  smallestText: number
  scrollingTables: number
}

test.each([
  { width: 320, colorScheme: 'light' },
  { width: 360, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
  { width: 461, colorScheme: 'dark' },
  { width: 821, colorScheme: 'light' },
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const)('at $width px, $colorScheme: nothing overflows, runs or is loaded', async ({ width, colorScheme }) => {
  const { messages, requests, looks } = await look({ width, colorScheme })
  expect(messages).toEqual([])
  expect(requests).toEqual([address])
  expect(looks.pageWidth).toBe(width)
  expect(looks.shown).toBe(10)
  // 12 px letters in their line's height, which differs by font; smaller where a 320 px screen shrinks a plot a little.
  expect(looks.smallestText).toBeGreaterThan(10.5)
  expect(looks.background).toBe(rgb(colors[colorScheme].page))
  expect(looks.ink).toBe(rgb(colors[colorScheme].text))
  expect(looks.armInk).toBe(rgb(colors[colorScheme]['arm-with']))
})

test('at 360 px wide tables scroll in a box of their own; at 1,280 px none has to', async () => {
  expect((await look({ width: 360, colorScheme: 'light' })).looks.scrollingTables).toBeGreaterThan(0)
  expect((await look({ width: 1280, colorScheme: 'light' })).looks.scrollingTables).toBe(0)
})

test('print is dark on white whatever the scheme, and fits A4', async () => {
  const { looks } = await look({ width: 718, colorScheme: 'dark', media: 'print' })
  expect(looks.background).toBe(rgb(colors.light.page))
  expect(looks.ink).toBe(rgb(colors.light.text))
  expect(looks.pageWidth).toBe(718)
  expect(looks.shown).toBe(10)
})

function rgb(hex: string): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
  return `rgb(${channels.join(', ')})`
}
