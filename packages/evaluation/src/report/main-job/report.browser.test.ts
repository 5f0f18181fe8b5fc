import { openBrowser } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { followContents, lookAt, type PageOptions, rgb, violationsOf, writePage } from '../../testing/page-look.ts'
import { colors } from '../page/style.ts'
import { renderReport } from './report.ts'
import type { MainJobResult } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }

const result: MainJobResult = {
  ...(sample as MainJobResult),
  // Long words and markup must neither widen the page nor run.
  adapter: `${'x'.repeat(300)}<script>console.error('ran')</script>`,
  command: `headwater run --data ${'/long'.repeat(60)}/*.parquet`,
  warnings: ['An AUC of 0.84 is above what this log is known to allow.'],
}

let browser: Awaited<ReturnType<typeof openBrowser>>
let address: string

beforeAll(async () => {
  address = writePage(renderReport(result))
  browser = await openBrowser()
})

afterAll(() => browser?.close())

const look = (options: PageOptions) => lookAt(browser, address, options)

test.each([
  { width: 320, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
  { width: 390, colorScheme: 'light' },
  { width: 461, colorScheme: 'dark' },
  { width: 821, colorScheme: 'light' },
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
] as const)('at $width px, $colorScheme: nothing overflows, runs or is loaded', async ({ width, colorScheme }) => {
  const { messages, requests, looks } = await look({ width, colorScheme, unfolded: true })
  expect(messages).toEqual([])
  expect(requests).toEqual([address])
  expect(looks.pageWidth).toBe(width)
  expect(looks.shown).toBe(10)
  // 12 px letters in their line's height, which differs by font; smaller where a 320 px screen shrinks a plot a little.
  expect(looks.smallestText).toBeGreaterThan(10.5)
  expect(looks.overlapping).toEqual([])
  expect(looks.background).toBe(rgb(colors[colorScheme].page))
  expect(looks.ink).toBe(rgb(colors[colorScheme].text))
  expect(looks.armInk).toBe(rgb(colors[colorScheme]['arm-with']))
})

test('at 390 px wide tables scroll in a box of their own and keep their names in view; at 1,280 px none has to', async () => {
  const { looks } = await look({ width: 390, colorScheme: 'light', unfolded: true })
  expect(looks.scrollingTables).toBeGreaterThan(0)
  expect(looks.keptNames).toBe(looks.scrollingTables)
  const wide = await look({ width: 1280, colorScheme: 'light', unfolded: true })
  expect(wide.looks.scrollingTables).toBe(0)
})

test('before anything is unfolded the page is short, and shows the arms and for whom', async () => {
  const { looks } = await look({ width: 1280, colorScheme: 'light' })
  expect(looks.pageHeight).toBeLessThanOrEqual(2500)
  expect(looks.shown).toBe(2)
})

test('a link of the contents unfolds its section', async () => {
  expect(await followContents(browser, address, 'serving')).toBe(true)
})

test('axe-core finds nothing wrong, whatever is unfolded', async () => {
  expect(await violationsOf(browser, address, { width: 390, colorScheme: 'dark', unfolded: true })).toEqual([])
})

test('print is dark on white whatever the scheme, unfolds all, and fits A4', async () => {
  const { looks } = await look({ width: 718, colorScheme: 'dark', media: 'print' })
  expect(looks.background).toBe(rgb(colors.light.page))
  expect(looks.ink).toBe(rgb(colors.light.text))
  expect(looks.pageWidth).toBe(718)
  expect(looks.shown).toBe(10)
})
