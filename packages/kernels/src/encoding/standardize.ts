/**
 * Dense features made comparable: y[r, i] = (x[r, i] − mean[i]) · scale[i], and where x is missing (NaN) y = 0. The flags
 * of what is missing, 1 or 0, follow at `flagColumn` of the same row. R rows of F4 vec4; `statistics` holds means and then
 * scales, F4 vec4 each; zeros there keep padding columns zero. Offsets, columns and strides count vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { featuresWithGaps, missingWgsl } from './missing.ts'
import { type RowsTuning, rowsGrid, rowsTunings, rowsWgsl } from './rows.ts'

const uniforms = {
  R: 'size',
  F4: 'size',
  ...all('u32', 'xOffset', 'xRow', 'statisticsOffset', 'yOffset', 'yRow', 'flagColumn'),
} as const

export type StandardizeShape = ShapeOf<typeof uniforms>

const dense = (R: number, F4: number, gap = 0): StandardizeShape => {
  const flagColumn = F4 + gap
  return { R, F4, xOffset: 0, xRow: F4, statisticsOffset: 0, yOffset: 0, yRow: flagColumn + F4, flagColumn }
}

const sizes = (s: StandardizeShape) => ({
  x: s.xOffset + (s.R - 1) * s.xRow + s.F4,
  statistics: s.statisticsOffset + s.F4 * 2,
  y: s.yOffset + (s.R - 1) * s.yRow + s.flagColumn + s.F4,
})

export const standardize: Kernel<StandardizeShape, 'x' | 'statistics' | 'y', RowsTuning> = {
  name: 'encoding.standardize',
  bindings: { ...reads('vec4f', 'x', 'statistics'), ...writes('vec4f', 'y') },
  uniforms,
  tunings: rowsTunings,
  wgsl: (t) =>
    `${missingWgsl}${rowsWgsl(
      t,
      'u.F4',
      /* wgsl */ `let mean = statistics[u.statisticsOffset + q];
  let scale = statistics[u.statisticsOffset + u.F4 + q];`,
      /* wgsl */ `let value = x[u.xOffset + r * u.xRow + q];
    let missing = areMissing(value);
    let to = u.yOffset + r * u.yRow + q;
    y[to] = select((value - mean) * scale, vec4f(), missing);
    y[to + u.flagColumn] = select(vec4f(), vec4f(1.0), missing);`,
    )}`,
  workgroups: ({ R, F4 }, t) => rowsGrid(R, F4, t),
  sizes,
  reference: (s, { x, statistics, y }) => {
    const F = s.F4 * 4
    for (let r = 0; r < s.R; r++)
      for (let f = 0; f < F; f++) {
        const value = x[(s.xOffset + r * s.xRow) * 4 + f]!
        const [mean, scale] = [statistics[s.statisticsOffset * 4 + f]!, statistics[s.statisticsOffset * 4 + F + f]!]
        const to = (s.yOffset + r * s.yRow) * 4 + f
        y[to] = Number.isNaN(value) ? 0 : (value - mean) * scale
        y[to + s.flagColumn * 4] = Number.isNaN(value) ? 1 : 0
      }
  },
  cost: ({ R, F4 }) => ({ flops: R * F4 * 8, bytes: R * F4 * 48 + F4 * 32 }),
  tolerance: () => ({ absolute: 5e-7, relative: 5e-7 }),
  cases: [
    dense(1, 1),
    { R: 67, F4: 5, xOffset: 1, xRow: 6, statisticsOffset: 3, yOffset: 2, yRow: 17, flagColumn: 9 },
    dense(129, 16),
    dense(33, 67),
  ],
  draw: (between) => withGaps(dense(between(1, 90), between(1, 20), between(0, 3)), between),
  benchmarks: [dense(2048, 16), dense(8192, 6)],
  example: (s, random) => ({ x: featuresWithGaps(sizes(s).x * 4, random) }),
}
