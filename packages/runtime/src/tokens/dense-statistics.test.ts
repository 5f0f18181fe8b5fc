import { fuzz } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import type { EncodingConfig } from '../encodings/encodings.ts'
import { fitDense } from './dense-statistics.ts'

const piecewise = (bins: number): EncodingConfig => ({ kind: 'piecewise', bins })

function fitted(columns: readonly (readonly number[])[], encoding?: EncodingConfig, standardize = true) {
  const F = columns.length
  const n = columns[0].length
  const sample = Float32Array.from({ length: n * F }, (_, i) => columns[i % F][Math.floor(i / F)])
  const config = { tokens: 1, ...(standardize ? { standardize } : {}), ...(encoding ? { encoding } : {}) } as const
  return new Map(fitDense(config, sample, F).map((matrix) => [matrix.name, matrix]))
}

const valuesOf = (of: ReturnType<typeof fitted>, what: string) => [...of.get(`user.dense.${what}`)!.data]

const close = (got: readonly number[], want: readonly number[]) => {
  expect(got).toHaveLength(want.length)
  for (const [i, value] of got.entries()) expect(value, `value ${i}`).toBeCloseTo(want[i], 5)
}

describe('center and scale', () => {
  it('are mean and inverse deviation', () => {
    const of = fitted([
      [1, 2, 3, 4],
      [-10, 10, -10, 10],
    ])
    close(valuesOf(of, 'center'), [2.5, 0])
    close(valuesOf(of, 'scale'), [1 / Math.sqrt(1.25), 0.1])
    expect(of.get('user.dense.scale')).toMatchObject({ rows: 1, cols: 2 })
    expect(of.has('user.dense.edges')).toBe(false)
  })

  it('lose no digits where values are large', () => {
    const of = fitted([[2 ** 23, 2 ** 23 + 1, 2 ** 23 + 2, 2 ** 23 + 3]])
    close(valuesOf(of, 'scale'), [1 / Math.sqrt(1.25)])
  })

  it('leave a constant alone but for its center, and bound the scale of what hardly varies', () => {
    const of = fitted([new Array(7).fill(0.1), [0, 0, 0, 0, 0, 0, 1e-4]])
    close(valuesOf(of, 'center'), [0.1, 1e-4 / 7])
    close(valuesOf(of, 'scale'), [1, 1000])
  })

  it('pass over what is not finite, and start from nothing with fewer than two values', () => {
    const of = fitted(
      [
        [1, Number.NaN, 3, Number.POSITIVE_INFINITY],
        new Array(4).fill(Number.NaN),
        [Number.NaN, 5, Number.NaN, Number.NaN],
      ],
      piecewise(2),
    )
    close(valuesOf(of, 'center'), [2, 0, 0])
    close(valuesOf(of, 'scale'), [1, 1, 1])
    close(valuesOf(of, 'edges'), [-1, 0, 1, -1, 0, 1, -1, 0, 1])
  })

  it('are not there where values are not standardized', () => {
    expect([...fitted([[1, 2, 3]], undefined, false).keys()]).toEqual([])
    expect([...fitted([[1, 2, 3]], piecewise(2), false).keys()]).toEqual(['user.dense.edges'])
  })
})

describe('edges', () => {
  it('are quantiles, linear between neighbours', () => {
    close(valuesOf(fitted([[5, 1, 4, 2, 3]], piecewise(3), false), 'edges'), [1, 1 + 4 / 3, 1 + 8 / 3, 5])
  })

  it('are those of standardized values', () => {
    const of = fitted([[0, 10, 20, 30, 40]], piecewise(4))
    close(
      valuesOf(of, 'edges'),
      [-2, -1, 0, 1, 2].map((x) => x / Math.sqrt(2)),
    )
  })

  it('are equal where values are', () => {
    close(valuesOf(fitted([[0, 0, 0, 0, 0, 0, 0, 0, 1]], piecewise(4), false), 'edges'), [0, 0, 0, 0, 1])
    const [a, b, c] = valuesOf(fitted([new Array(9).fill(0.3)], piecewise(2)), 'edges')
    expect([b, c]).toEqual([a, a])
  })

  it('stand on the value that the device makes of the most frequent one', () => {
    for (let i = 1; i < 50; i++) {
      const common = Math.fround(i / 7)
      const of = fitted([[common, common, common, common, common, 0.1, 30]], piecewise(4))
      const [center] = valuesOf(of, 'center')
      const [scale] = valuesOf(of, 'scale')
      expect(valuesOf(of, 'edges')).toContain(Math.fround(Math.fround(common - center) * scale))
    }
  })

  it('never rise by less than a thousandth of the deviation', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i < 990 ? i * 1e-7 : i))
    const edges = valuesOf(fitted([values], piecewise(16)), 'edges')
    for (let t = 1; t < edges.length; t++) {
      const rise = edges[t] - edges[t - 1]
      expect(rise === 0 || rise >= 0.999e-3).toBe(true)
    }
  })
})

it('is finite and in order for whatever there is', async () => {
  await fuzz(
    (random) => ({ F: 1 + random.nextBelow(4), n: random.nextBelow(30), bins: 1 + random.nextBelow(9) }),
    ({ F, n, bins }, random) => {
      const kinds = [
        () => random.nextNormal(),
        () => random.nextBelow(2),
        () => 1e9 * random.nextNormal() ** 3,
        () => Number.NaN,
        () => 1e-20 * random.nextFloat(),
      ]
      const sample = Float32Array.from({ length: n * F }, () => kinds[random.nextBelow(kinds.length)]())
      const matrices = fitDense({ tokens: 2, standardize: true, encoding: piecewise(bins) }, sample, F)
      expect(matrices.map(({ rows, cols }) => [rows, cols])).toEqual([
        [1, F],
        [1, F],
        [F, bins + 1],
      ])
      for (const { data, rows, cols } of matrices) {
        expect(data).toHaveLength(rows * cols)
        expect(data.every(Number.isFinite)).toBe(true)
      }
      expect(matrices[1].data.every((scale) => scale > 0)).toBe(true)
      const edges = matrices[2].data
      for (let i = 1; i < edges.length; i++)
        if (i % (bins + 1) > 0) expect(edges[i]).toBeGreaterThanOrEqual(edges[i - 1])
    },
    { runs: 100 },
  )
})

it('refuses a sample that is no whole number of rows, and has nothing to fit to no features', () => {
  const config = { tokens: 1, standardize: true } as const
  expect(() => fitDense(config, new Float32Array(7), 3)).toThrow(RangeError)
  expect(fitDense(config, new Float32Array(), 0)).toEqual([])
})
