import { openBrowser } from '@headwater/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lookAt, rgb, violationsOf, writePage } from '../../testing/page-look.ts'
import type { Chart, EvaluationResult, ExperimentResult, Interval } from '../findings.ts'
import { colors } from '../page/style.ts'
import { renderEvaluationHtml } from './html-report.ts'

const about = (value: number): Interval => ({ value, low: value - 0.004, high: value + 0.006 })
const longTitle = 'asynchronous, by an upstream that never saw the surface and whose name is long'

const named: Chart = {
  title: 'What each arm gains',
  caption: 'With 95 % intervals.',
  kind: 'named',
  x: { label: 'gain in normalized entropy, % · better →', percent: true },
  y: { label: '' },
  series: [
    {
      name: 'gain',
      points: ['flags', 'random', longTitle].map((label, i) => {
        const { value, low, high } = about(0.02 * i)
        return { label, x: value, y: null, low, high }
      }),
    },
  ],
}

const curve: Chart = {
  title: 'NE by size',
  caption: 'On a log scale.',
  kind: 'curve',
  x: { label: 'rows, log scale', log: true },
  y: { label: 'normalized entropy · ↓ better' },
  series: ['counts alone', 'sequences alone', 'both', 'raw, average-3', 'aligned, average-3'].map((name, s) => ({
    name,
    points: [40_000, 150_000, 600_000, 10_000_000].map((x, i) => {
      const { value, low, high } = about(0.9 - 0.02 * i - 0.01 * s)
      return { label: String(x), x, y: value, low, high }
    }),
  })),
}

const experiment: ExperimentResult = {
  name: 'gain',
  question: 'What do served user embeddings buy downstream models?',
  measure: 'Normalized entropy.',
  rule: 'Yes where the interval is above 0.',
  holds: true,
  verdict: 'The ranking model gains +4.41 % [+3.46, +5.34].',
  scores: [
    {
      arm: 'asynchronous',
      model: 'ranking',
      rows: 10_000,
      baseRate: 0.498,
      ne: about(0.79),
      auc: 0.794,
      unsampledNe: null,
      ranked: null,
      gauc: null,
      calibration: 1.01,
      ece: 0.012,
      neSeedSd: null,
    },
  ],
  comparisons: [
    {
      arm: 'asynchronous',
      over: longTitle,
      model: 'ranking',
      slice: 'all',
      rows: 10_000,
      gain: about(0.044),
      samplingStandardError: 0.002,
      seedSd: null,
      pValue: 0.001,
      adjustedPValue: 0.002,
      otherwise: { items: about(0.044), both: null },
    },
  ],
  gapShares: [{ arm: 'synchronous', model: 'head', share: about(0.75), bySeed: [0.75] }],
  charts: [named, curve],
  tables: [
    { title: 'Wide', head: Array.from({ length: 9 }, (_, i) => `column ${i}`), rows: [Array(9).fill(longTitle)] },
  ],
  seeds: [1],
  arms: [],
  command: `headwater evaluate gain --data ${'/long'.repeat(60)}/*.parquet`,
}

const result: EvaluationResult = {
  version: '0.0.0',
  commit: null,
  command: experiment.command,
  startedAt: '2024-01-01T00:00:00.000Z',
  // Long words and markup must neither widen the page nor run.
  adapter: `${'x'.repeat(300)}<script>console.error('ran')</script>`,
  quick: true,
  dataset: {
    name: 'log',
    source: 'a test',
    rows: 100_000,
    users: 2000,
    fingerprint: 'f'.repeat(24),
    firstTimeMs: 0,
    lastTimeMs: 1e12,
    testRows: 10_000,
    testUsers: 900,
    testFromMs: 9e11,
    window: null,
    models: [{ name: 'ranking', title: 'small DLRM, click', trained: 90_000, scored: 10_000 }],
  },
  method: {
    preset: 'small',
    snapshots: 13,
    firstShare: 0.6,
    refreshDelayMs: 1000,
    bootstrapDraws: 2000,
    roundRate: 5e-4,
    towerParameters: 40_000,
  },
  experiments: [experiment, { ...experiment, name: 'drift', holds: null }],
  seconds: 60,
  armsRun: 2,
  armsCached: 0,
}

/** Plots, wide or narrow, of two experiments' arms and two charts, and the symbols of the curves' legends. */
const shown = 2 * 3 + 2 * 5

let browser: Awaited<ReturnType<typeof openBrowser>>
let address: string
let alone: string
let all: string

beforeAll(async () => {
  address = writePage(renderEvaluationHtml(result))
  alone = writePage(renderEvaluationHtml({ ...result, quick: false, experiments: [experiment] }))
  const verdict = `The ranking model gains +4.41 %; ${'it gains less over others and more over some. '.repeat(9)}`
  const experiments = Array.from({ length: 14 }, (_, i) => ({ ...experiment, name: `experiment-${i}`, verdict }))
  all = writePage(renderEvaluationHtml({ ...result, experiments }))
  browser = await openBrowser()
})

afterAll(() => browser?.close())

test.each([
  { width: 320, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
  { width: 390, colorScheme: 'light' },
  { width: 821, colorScheme: 'dark' },
  { width: 1280, colorScheme: 'light' },
] as const)('at $width px, $colorScheme: nothing overflows, runs or is loaded', async ({ width, colorScheme }) => {
  const { messages, requests, looks } = await lookAt(browser, address, { width, colorScheme, unfolded: true })
  expect(messages).toEqual([])
  expect(requests).toEqual([address])
  expect(looks.pageWidth).toBe(width)
  expect(looks.shown).toBe(shown)
  expect(looks.smallestText).toBeGreaterThan(10.5)
  expect(looks.overlapping).toEqual([])
  expect(looks.background).toBe(rgb(colors[colorScheme].page))
  expect(looks.ink).toBe(rgb(colors[colorScheme].text))
})

test('before anything is unfolded the page is short; one experiment shows its arms at once, several their answers', async () => {
  for (const [page, plots] of [
    [address, 0],
    [alone, 1],
    [all, 0],
  ] as const) {
    const { looks } = await lookAt(browser, page, { width: 1280, colorScheme: 'light' })
    expect(looks.pageHeight).toBeLessThanOrEqual(2500)
    expect(looks.shown).toBe(plots)
  }
})

test('axe-core finds nothing wrong, whatever is unfolded', async () => {
  const options = { width: 1280, colorScheme: 'light', unfolded: true } as const
  for (const page of [address, alone]) expect(await violationsOf(browser, page, options)).toEqual([])
})

test('print is dark on white whatever the scheme, and fits A4', async () => {
  const { looks } = await lookAt(browser, address, { width: 718, colorScheme: 'dark', media: 'print' })
  expect(looks.background).toBe(rgb(colors.light.page))
  expect(looks.pageWidth).toBe(718)
  expect(looks.shown).toBe(shown)
})
