import { parseHTML } from 'linkedom'
import { describe, expect, test } from 'vitest'
import { colors } from '../page/style.ts'
import { armStyles } from './arms.ts'
import { renderReport } from './report.ts'
import { arms, type MainJobResult, mainArms } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }

const result = sample as MainJobResult
const page = renderReport(result)

function open(text: string) {
  return parseHTML(text).document
}

/** Cells of the table with this caption, row by row, with plain spaces. */
function cells(text: string, caption: string): string[][] {
  const tables = [...open(text).querySelectorAll('table')]
  const table = tables.find((candidate) => candidate.querySelector('caption')?.textContent === caption)!
  return [...table.querySelectorAll('tbody tr')].map((row) =>
    [...row.querySelectorAll('th, td')].map((cell) => plain(cell.textContent ?? '')),
  )
}

/** What a figure that is not a number leaves behind in text or in a path. */
const malformed = (text: string) => /NaN|undefined|Infinity/.exec(text)
const plain = (text: string) => text.replaceAll('\u00a0', ' ')
const percent = (fraction: number) => (100 * fraction).toFixed(2).replace(/^-/, '−')

describe('the page stands alone', () => {
  test('no script, no event handler, nothing to load', () => {
    const document = open(page)
    expect(document.querySelectorAll('script, link, img, iframe, object, embed, base, use, image').length).toBe(0)
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        // Links lead to places in the page itself.
        if (name === 'href') expect(document.getElementById(value.replace(/^#/, '')), value).not.toBeNull()
        else expect(name).not.toMatch(/^(on|src|xlink:href|action|data$)/)
      }
    }
    expect(/url\(|@import|javascript:/.exec(page)).toBeNull()
    const addresses = page.match(/https?:\/\/[^"'\s<]+/g) ?? []
    expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([])
  })

  test('text from outside stays text', () => {
    const hostile = `</title><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;`
    const text = renderReport({
      ...result,
      version: hostile,
      commit: hostile,
      command: hostile,
      startedAt: hostile,
      adapter: hostile,
      dataset: { ...result.dataset, name: hostile, source: hostile, task: hostile },
      byEarlierEvents: result.byEarlierEvents.map((bucket) => ({ ...bucket, label: hostile })),
      seconds: { [hostile]: 1 },
      method: { ...result.method, preset: hostile },
      warnings: [hostile],
    })
    const document = open(text)
    expect(document.querySelectorAll('script, img').length).toBe(0)
    expect(document.querySelector('code')?.textContent).toBe(hostile)
    expect(document.querySelector('.warnings li')?.textContent).toBe(hostile)
    expect(document.querySelector('title')?.textContent).toContain(hostile)
    expect(/<script|<img/.exec(text)).toBeNull()
  })
})

describe('figures in the tables equal the result', () => {
  test('arms', () => {
    const rows = cells(page, 'Arms, on the scored rows')
    expect(rows.map(([name]) => name.split(':')[0])).toEqual([...arms])
    rows.forEach(([, ne, interval, auc, gain, calibration, ece], i) => {
      const arm = arms[i]
      const { low, high } = result.neInterval[arm]
      expect(ne).toBe(result.ne[arm].toFixed(4))
      expect(interval).toBe(`[${low.toFixed(4)}, ${high.toFixed(4)}]`)
      expect(auc).toBe(result.auc[arm].toFixed(4))
      expect(calibration).toBe(result.calibration[arm].toFixed(3))
      expect(ece).toBe(result.ece[arm].toFixed(4))
      if (arm === 'without') return
      const truth = arm === 'with' ? result.neGain : result.gainOverWithout[arm]
      const shown = gain.replaceAll('+', '')
      expect(shown).toBe(`${percent(truth.value)} % [${percent(truth.low)}, ${percent(truth.high)}]`)
    })
  })

  test('earlier events', () => {
    expect(cells(page, 'By the user’s number of earlier events')).toEqual(
      result.byEarlierEvents.map(({ label, rows, baseRate, ne, neGain, gainOverFlags }) => [
        label,
        rows.toLocaleString('en-US'),
        `${((100 * rows) / result.rowsScored).toFixed(1)} %`,
        `${(100 * baseRate).toFixed(1)} %`,
        ne.without.toFixed(4),
        ne.with.toFixed(4),
        `+${percent(neGain.value)} % [+${percent(neGain.low)}, +${percent(neGain.high)}]`,
        `+${percent(gainOverFlags.value)} % [+${percent(gainOverFlags.low)}, +${percent(gainOverFlags.high)}]`,
      ]),
    )
  })

  test('over the log', () => {
    const rows = cells(page, 'Normalized entropy over the log')
    expect(rows[0].slice(0, 2)).toEqual(['0–9,999', '2013-02-28'])
    expect(rows.map((row) => row.slice(3))).toEqual(
      result.progressive.map(({ ne }) => mainArms.map((arm) => ne[arm].toFixed(4))),
    )
  })

  test('intervals by users, by items and by both', () => {
    const [overWithout, overUntrained] = cells(page, 'Gain of the served embedding, by what is drawn')
    const { items, both } = result.otherIntervals.neGain
    const bounds = (own: { low: number; high: number }) =>
      `[+${(100 * own.low).toFixed(2)}, +${(100 * own.high).toFixed(2)}]`
    expect(overWithout.slice(2)).toEqual([bounds(result.neGain), bounds(items!), bounds(both!)])
    expect(overUntrained.slice(3)).toEqual(['–', '–'])
  })

  test('serving, drift, seeds and time', () => {
    const serving = cells(page, 'Serving, by wall clock')
    expect(serving.map(([p]) => Number(p))).toEqual(result.read.quantiles.map((quantile) => quantile.percent))
    expect(serving.find(([p]) => p === '99')).toEqual(['99', '14.2 µs', '38.7 ms'])
    const drift = cells(page, 'Drift between consecutive snapshots')
    expect(drift.length).toBe(result.drift.byRound.length + 1)
    expect(drift[0]).toEqual(['1 → 2', '4,150', '0.3305', '0.9426', '0.8886', '6.0'])
    expect(drift.at(-1)?.slice(2)).toEqual(['0.2452', '0.9677', '0.9365', '6.6'])
    const seeds = cells(page, 'By seed')
    expect(seeds.map(([seed]) => seed)).toEqual(['1', '2', '3', 'sd'])
    expect(seeds[1].slice(1, 1 + mainArms.length)).toEqual(mainArms.map((arm) => result.bySeed[1].ne[arm].toFixed(4)))
    expect(seeds[3][2]).toBe(result.seedSd?.ne.with.toFixed(4))
    const seconds = cells(page, 'Wall-clock time')
    expect(seconds).toContainEqual(['total', '141.7'])
    expect(seconds.at(-1)).toEqual(['linear, its model', '4.9'])
  })

  test('one screen: the gains that the claim rests on, all arms by one axis from best to worst, for whom, at what cost', () => {
    const document = open(page)
    const [gains, costs] = [...document.querySelectorAll('.overview .figures')].map((own) =>
      plain(own.textContent ?? ''),
    )
    for (const { value, low } of [result.best.gain, result.neGain, result.gainOverUntrained]) {
      expect(gains).toContain(`${value > 0 ? '+' : ''}${percent(value)} %`)
      expect(gains).toContain(`[${low > 0 ? '+' : ''}${percent(low)}, `)
    }
    for (const cost of ['14.2 µs', '38.7 ms', '61.2 s', '384 B']) expect(costs).toContain(cost)
    const [everyArm, cohorts] = [...document.querySelectorAll('.overview [role="img"].wide')].map((own) =>
      plain(own.getAttribute('aria-label') ?? ''),
    )
    const order = [...everyArm.matchAll(/(\w+) 0\.\d{4} \[/g)].map(([, arm]) => arm)
    expect(order).toEqual([...arms].sort((a, b) => result.ne[a] - result.ne[b]))
    for (const { neGain } of result.byEarlierEvents) expect(cohorts).toContain(`${percent(neGain.value)} %`)
  })

  test('the verdict leads, then the key figures; the run is named at the end', () => {
    const document = open(page)
    expect(document.querySelector('h1')?.textContent).toContain('the best baseline')
    const header = plain(document.querySelector('header')?.textContent ?? '')
    expect(header).toContain('they beat the same tower untrained by +0.73 % [+0.28, +1.17]')
    expect(header).toContain(`+${percent(result.neGain.value)} %`)
    const run = plain(document.querySelector('.facts')?.textContent ?? '')
    for (const fact of [result.adapter, result.command, result.startedAt, 'commit fa05db3', '1, 2, 3', '78.3 %']) {
      expect(run).toContain(fact)
    }
    expect(plain(document.querySelector('main')?.textContent ?? '')).toContain('1,000 draws over 4,123 users')
  })
})

describe('plots', () => {
  test('each is drawn for a wide and a narrow screen, as an image with its figures in words', () => {
    const figures = [...open(page).querySelectorAll('figure')]
    expect(figures.length).toBe(10)
    for (const figure of figures) {
      const images = [...figure.querySelectorAll('svg')]
      const wide = figure.className === 'across' ? 880 : 424
      expect(images.map((image) => Number(image.getAttribute('width')))).toEqual([wide, 328])
      for (const image of images) {
        expect(image.parentElement?.getAttribute('role')).toBe('img')
        expect(image.parentElement?.getAttribute('aria-label')).toMatch(/\d/)
        expect(malformed(image.outerHTML)).toBeNull()
      }
    }
  })

  test('marks stand where their values are: gains lie on one straight line from value to pixel', () => {
    const figure = [...open(page).querySelectorAll('figure')].find((candidate) =>
      candidate.querySelector('h3')?.textContent?.startsWith('Relative gain over the arm'),
    )!
    const positions = [...figure.querySelectorAll('.wide [aria-label="dot"] path')].map((mark) =>
      Number(/translate\(([\d.]+)/.exec(mark.getAttribute('transform') ?? '')?.[1]),
    )
    const gains = { with: result.neGain, ...result.gainOverWithout }
    const values = arms.flatMap((arm) => (arm === 'without' ? [] : [gains[arm].value]))
    expect(positions.length).toBe(values.length)
    const slope = (positions[0] - positions[2]) / (values[0] - values[2])
    expect(slope).toBeGreaterThan(0)
    positions.forEach((position, i) => {
      expect(position).toBeCloseTo(positions[2] + slope * (values[i] - values[2]), 3)
    })
  })

  test('no two arms have one symbol, so that nothing is told by colour alone', () => {
    expect(new Set(arms.map((arm) => armStyles[arm].symbol)).size).toBe(arms.length)
  })

  test('every colour stands out from its page by 3 : 1, text by 4.5 : 1 (WCAG 2.2)', () => {
    for (const { page: background, line: _, ...inks } of Object.values(colors)) {
      for (const [name, ink] of Object.entries(inks)) {
        expect(contrast(ink, background), name).toBeGreaterThan(/^(arm|series)-/.test(name) ? 3 : 4.5)
      }
    }
  })
})

describe('a bare result', () => {
  const bare: MainJobResult = {
    ...result,
    commit: null,
    seeds: [7],
    bySeed: [{ ...result.bySeed[0], seed: 7 }],
    seedSd: null,
    snapshots: 1,
    snapshotRows: [12_000],
    drift: {
      residual: null,
      centredCosine: null,
      varianceKept: null,
      effectiveRank: null,
      framesOpened: 0,
      byRound: [],
    },
    kernelShare: null,
    byEarlierEvents: [],
    progressive: [],
    warnings: ['AUC of 0.84 smells of a leak'],
  }

  test('one seed, one snapshot, no buckets: says so, and draws nothing that is not there', () => {
    const text = renderReport(bare)
    const words = open(text).querySelector('body')?.textContent
    expect(words).toContain('so the spread over seeds is not measured')
    expect(words).toContain('so there is no drift to show')
    expect(words).toContain('AUC of 0.84 smells of a leak')
    expect(malformed(text)).toBeNull()
    expect(cells(text, 'By seed').map(([seed]) => seed)).toEqual(['7'])
  })

  test('a log of millions of rows and latencies that are all equal', () => {
    const text = renderReport({
      ...bare,
      rows: 48_000_000,
      read: {
        ...bare.read,
        p50Us: 2,
        p99Us: 2,
        quantiles: bare.read.quantiles.map(({ percent: p }) => ({ percent: p, us: 2 })),
      },
      freshness: { ...bare.freshness, quantiles: [] },
    })
    expect(malformed(text)).toBeNull()
  })
})

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
