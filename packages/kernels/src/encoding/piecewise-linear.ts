/**
 * Piecewise-linear encoding of dense features (Gorishniy et al. 2022): with edges b₀ ≤ b₁ ≤ … ≤ b_T of a feature, quantiles
 * of its values, component t = 1 … T is (x − b_{t−1}) / (b_t − b_{t−1}), not below 0 except in the first bin and not above 1
 * except in the last. Of a bin without width it is 1 from its edge on, else 0. Feature f becomes
 * [component 1 … T, zeros up to a whole vec4 | missing, 0, 0, 0]; where x is missing (NaN) all components are 0.
 * R rows, F features, T bins. Offsets and strides of x and edges count floats, those of y vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'
import { featuresWithGaps, missingWgsl } from './missing.ts'
import { type RowsTuning, rowsGrid, rowsTunings, rowsWgsl } from './rows.ts'

const uniforms = {
  ...all('size', 'R', 'F', 'T'),
  ...all('u32', 'xOffset', 'xRow', 'edgeOffset', 'edgeRow', 'yOffset', 'yRow', 'yFeature'),
} as const

export type PiecewiseLinearShape = ShapeOf<typeof uniforms>

const T4 = (T: number) => Math.ceil(T / 4)

const dense = (R: number, F: number, T: number, gap = 0): PiecewiseLinearShape => {
  const yFeature = T4(T) + 1 + gap
  return { ...zeros(uniforms), R, F, T, xRow: F, edgeRow: T + 1, yRow: F * yFeature, yFeature }
}

const sizes = (s: PiecewiseLinearShape) => ({
  x: s.xOffset + (s.R - 1) * s.xRow + s.F,
  edges: s.edgeOffset + (s.F - 1) * s.edgeRow + s.T + 1,
  y: s.yOffset + (s.R - 1) * s.yRow + (s.F - 1) * s.yFeature + T4(s.T) + 1,
})

export const piecewiseLinear: Kernel<PiecewiseLinearShape, 'x' | 'edges' | 'y', RowsTuning> = {
  name: 'encoding.piecewise-linear',
  bindings: { ...reads('f32', 'x', 'edges'), ...writes('vec4f', 'y') },
  uniforms,
  tunings: rowsTunings,
  wgsl: (t) =>
    `${missingWgsl}${rowsWgsl(
      t,
      'u.F * ((u.T + 3u) / 4u)',
      /* wgsl */ `let width = (u.T + 3u) / 4u;
  let f = q / width;
  let k = q - f * width;
  let first = u.edgeOffset + f * u.edgeRow;
  let bins = vec4u(0u, 1u, 2u, 3u) + k * 4u;
  let next = edges[first + min(k * 4u + 4u, u.T)];
  let low = vec4f(${[0, 1, 2, 3].map((i) => `edges[first + min(bins[${i}], u.T)]`).join(', ')});
  let high = vec4f(low.yzw, next);
  let isBin = bins < vec4u(u.T);
  let isWide = high > low;
  let isFirst = bins == vec4u(0u);
  let isLast = bins == vec4u(u.T - 1u);`,
      /* wgsl */ `let value = x[u.xOffset + r * u.xRow + f];
    let missing = isMissing(value);
    let linear = (vec4f(value) - low) / (high - low);
    let isOver = (vec4f(value) >= high) & !(isLast & isWide);
    let isUnder = (vec4f(value) < low) & !(isFirst & isWide);
    let component = select(select(linear, vec4f(1.0), isOver), vec4f(), isUnder | !isBin);
    let to = u.yOffset + r * u.yRow + f * u.yFeature;
    y[to + k] = select(component, vec4f(), missing);
    if (k == 0u) { y[to + width] = vec4f(select(0.0, 1.0, missing), 0.0, 0.0, 0.0); }`,
    )}`,
  workgroups: ({ R, F, T }, t) => rowsGrid(R, F * T4(T), t),
  sizes,
  reference: (s, { x, edges, y }) => {
    for (let r = 0; r < s.R; r++)
      for (let f = 0; f < s.F; f++) {
        const value = x[s.xOffset + r * s.xRow + f]!
        const to = (s.yOffset + r * s.yRow + f * s.yFeature) * 4
        y.fill(0, to, to + (T4(s.T) + 1) * 4)
        if (Number.isNaN(value)) y[to + T4(s.T) * 4] = 1
        else
          for (let t = 1; t <= s.T; t++) {
            const [low, high] = [t - 1, t].map((e) => edges[s.edgeOffset + f * s.edgeRow + e]!) as [number, number]
            let component = high > low ? (value - low) / (high - low) : Number(value >= high)
            if (t > 1 && component < 0) component = 0
            if (t < s.T && component > 1) component = 1
            y[to + t - 1] = component
          }
      }
  },
  cost: ({ R, F, T }) => ({ flops: R * F * T * 3, bytes: R * F * (4 + (T4(T) + 1) * 16) + F * (T + 1) * 4 }),
  tolerance: () => ({ absolute: 2e-7, relative: 1e-6 }),
  cases: [
    dense(1, 1, 1),
    { R: 67, F: 5, T: 7, xOffset: 1, xRow: 7, edgeOffset: 2, edgeRow: 10, yOffset: 3, yRow: 23, yFeature: 4 },
    dense(33, 13, 8),
    dense(70, 64, 17),
  ],
  draw: (between) => withGaps(dense(between(1, 90), between(1, 20), between(1, 18), between(0, 2)), between),
  benchmarks: [dense(2048, 64, 8), dense(2048, 64, 16)],
  // Edges rise in steps, some of which are 0.
  example: (s, random) => {
    const edges = uniform(sizes(s).edges, random)
    for (let f = 0; f < s.F; f++)
      for (let t = 0; t <= s.T; t++) {
        const step = random() < 0.2 ? 0 : (0.1 + random()) * (4 / s.T)
        edges[s.edgeOffset + f * s.edgeRow + t] = t === 0 ? -2 : edges[s.edgeOffset + f * s.edgeRow + t - 1]! + step
      }
    return { x: featuresWithGaps(sizes(s).x, random), edges }
  },
  // The order of edges with NaN among them, and the width of a bin that ends at infinity, mean nothing.
  finite: ['edges'],
}
