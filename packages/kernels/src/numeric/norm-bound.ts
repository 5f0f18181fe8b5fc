/**
 * Rows no longer than a bound, so that fp16 loses nothing of them:
 *   s = min(1, bound / ‖x[r]‖),  y[r] = s · x[r]
 *   dx[r] = dy[r] within the bound, else s · (dy[r] − x[r] ⟨x[r], dy[r]⟩ / ‖x[r]‖²)
 * Padded columns hold zeros. Shape letters: R rows, D4 vec4 of width. Strides and columns count vec4; dy is laid out as y,
 * dx as x.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = {
  R: 'size',
  D4: 'size',
  bound: 'f32',
  xColumn: 'u32',
  xRow: 'size',
  yColumn: 'u32',
  yRow: 'size',
} as const

export type NormBoundShape = ShapeOf<typeof uniforms>

interface RowTuning extends Tuning {
  readonly workgroupSize: number
}

const tunings: readonly RowTuning[] = [{ name: 'lane-per-row', workgroupSize: 64 }]

const rowMain = ({ workgroupSize }: RowTuning, body: string) => /* wgsl */ `
${mainWgsl(workgroupSize)}
  let r = group * ${workgroupSize}u + lane;
  if (r >= u.R) { return; }
  let xAt = r * u.xRow + u.xColumn;
  let yAt = r * u.yRow + u.yColumn;
  ${body}
}`

const cases: readonly NormBoundShape[] = [
  { R: 1, D4: 1, bound: 0.1, xColumn: 0, xRow: 1, yColumn: 0, yRow: 1 },
  { R: 67, D4: 5, bound: 2.5, xColumn: 2, xRow: 9, yColumn: 1, yRow: 7 },
  { R: 128, D4: 24, bound: 5.5, xColumn: 0, xRow: 24, yColumn: 0, yRow: 24 },
]

const draw = (between: (low: number, high: number) => number): NormBoundShape => {
  const D4 = between(1, 12)
  const dense = { R: between(1, 150), D4, bound: between(1, 30) / 8, xColumn: 0, xRow: D4, yColumn: 0, yRow: D4 }
  return withGaps(dense, between)
}

const benchmarks: readonly NormBoundShape[] = [
  { R: 2048, D4: 24, bound: 5.5, xColumn: 0, xRow: 24, yColumn: 0, yRow: 24 },
  { R: 8192, D4: 48, bound: 8, xColumn: 0, xRow: 48, yColumn: 0, yRow: 48 },
]

const shared = { uniforms, tunings, cases, draw, benchmarks }

export const normBoundForward: Kernel<NormBoundShape, 'x' | 'y', RowTuning> = {
  name: 'numeric.norm-bound.forward',
  bindings: { ...reads('vec4f', 'x'), ...writes('vec4f', 'y') },
  ...shared,
  wgsl: (tuning) =>
    rowMain(
      tuning,
      /* wgsl */ `var sum = vec4f();
  for (var c = 0u; c < u.D4; c++) { let v = x[xAt + c]; sum += v * v; }
  let norm = sqrt(sum.x + sum.y + sum.z + sum.w);
  let scale = select(1.0, u.bound / norm, norm > u.bound);
  for (var c = 0u; c < u.D4; c++) { y[yAt + c] = scale * x[xAt + c]; }`,
    ),
  workgroups: ({ R }, { workgroupSize }) => linearGroups(Math.ceil(R / workgroupSize)),
  sizes: ({ R, xRow, yRow }) => ({ x: R * xRow, y: R * yRow }),
  reference: (s, { x, y }) => {
    for (let r = 0; r < s.R; r++) {
      const row = x.slice((r * s.xRow + s.xColumn) * 4, (r * s.xRow + s.xColumn + s.D4) * 4) as Float64Array
      const norm = Math.hypot(...row)
      for (const [d, value] of row.entries())
        y[(r * s.yRow + s.yColumn) * 4 + d] = norm > s.bound ? value * (s.bound / norm) : value
    }
  },
  cost: ({ R, D4 }) => ({ flops: R * D4 * 12, bytes: R * D4 * 32 }),
  tolerance: () => ({ absolute: 1e-7, relative: 4e-6 }),
}

export const normBoundBackward: Kernel<NormBoundShape, 'x' | 'dy' | 'dx', RowTuning> = {
  name: 'numeric.norm-bound.backward',
  bindings: { ...reads('vec4f', 'x', 'dy'), ...writes('vec4f', 'dx') },
  ...shared,
  wgsl: (tuning) =>
    rowMain(
      tuning,
      /* wgsl */ `var squares = vec4f();
  var products = vec4f();
  for (var c = 0u; c < u.D4; c++) { let v = x[xAt + c]; squares += v * v; products += v * dy[yAt + c]; }
  let square = squares.x + squares.y + squares.z + squares.w;
  let norm = sqrt(square);
  let isBounded = norm > u.bound;
  let scale = u.bound / norm;
  let radial = (products.x + products.y + products.z + products.w) / square;
  for (var c = 0u; c < u.D4; c++) {
    let g = dy[yAt + c];
    dx[xAt + c] = select(g, scale * (g - radial * x[xAt + c]), isBounded);
  }`,
    ),
  workgroups: ({ R }, { workgroupSize }) => linearGroups(Math.ceil(R / workgroupSize)),
  sizes: ({ R, xRow, yRow }) => ({ x: R * xRow, dy: R * yRow, dx: R * xRow }),
  reference: (s, { x, dy, dx }) => {
    for (let r = 0; r < s.R; r++) {
      const at = (r * s.xRow + s.xColumn) * 4
      const row = x.slice(at, at + s.D4 * 4) as Float64Array
      const upstream = dy.slice((r * s.yRow + s.yColumn) * 4, (r * s.yRow + s.yColumn + s.D4) * 4)
      const norm = Math.hypot(...row)
      // On a sphere only what is tangential to it passes.
      const along = row.reduce((sum, value, d) => sum + (value / norm) * upstream[d]!, 0)
      for (const [d, value] of row.entries())
        dx[at + d] = norm > s.bound ? (s.bound / norm) * (upstream[d]! - along * (value / norm)) : upstream[d]!
    }
  },
  cost: ({ R, D4 }) => ({ flops: R * D4 * 28, bytes: R * D4 * 48 }),
  tolerance: () => ({ absolute: 1e-6, relative: 4e-6 }),
  gradient: { forward: normBoundForward, from: { y: 'dy' }, to: { x: 'dx' } },
}
