/** Buckets against counts over all values that were added, as Prometheus defines them. */
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { expect, it } from 'vitest'
import { Figures } from './figures.ts'
import { Histograms } from './histograms.ts'

const bounds = [0.5, 1, 2, 8]

it('count the values at or below each bound, and add them up', () => {
  const draw = (random: SeededRandom) => ({ rows: random.nextBelow(200) })
  return fuzz(draw, ({ rows }, random) => {
    const figures = new Figures()
    const histograms = new Histograms('h', 'A histogram.', bounds, ['of'])
    figures.add(histograms)
    // Bounds themselves and powers between them, so that sums are exact.
    const values = Array.from({ length: rows }, () => 2 ** (random.nextBelow(8) - 3))
    const split = random.nextBelow(rows + 1)
    for (const value of values.slice(0, split)) histograms.of('a"b').add(value)
    const rest = values.slice(split).flatMap((value) => [value * 4, Number.NaN])
    histograms.of('a"b').addAll(Float64Array.from(rest), 0.25)
    const lines = figures.text().trim().split('\n')
    expect(lines).toEqual([
      '# HELP h A histogram.',
      '# TYPE h histogram',
      ...bounds.map((le) => `h_bucket{of="a\\"b",le="${le}"} ${values.filter((value) => value <= le).length}`),
      `h_bucket{of="a\\"b",le="+Inf"} ${rows}`,
      `h_sum{of="a\\"b"} ${values.reduce((sum, value) => sum + value, 0)}`,
      `h_count{of="a\\"b"} ${rows}`,
    ])
  })
})

it('are one for each combination of labels', () => {
  const figures = new Figures()
  const histograms = new Histograms('h', 'A histogram.', [1], ['of', 'at'])
  figures.add(histograms)
  expect(histograms.of('a', 'b')).toBe(histograms.of('a', 'b'))
  histograms.of('a', 'b').add(1)
  histograms.of('a', 'c').add(3)
  const text = figures.text()
  expect(text).toContain('h_bucket{of="a",at="b",le="1"} 1')
  expect(text).toContain('h_bucket{of="a",at="c",le="1"} 0')
  expect(text).toContain('h_sum{of="a",at="c"} 3')
})
