/**
 * The elementwise part of DCN-v2's low-rank cross layer (Wang et al. 2021, "DCN V2"):
 *   y = x0 ⊙ h + x,   h = U·(Vᵀ x) + b
 * The products come from matmul, whose epilogue can do this step too; these two serve where h is kept for the backward.
 * R rows of W4 vec4; strides and `yOffset` count vec4, so that y may be columns of a wider tensor.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = { R: 'size', W4: 'size', x0Row: 'u32', hRow: 'u32', xRow: 'u32', yOffset: 'u32', yRow: 'u32' } as const

export type CrossForwardShape = ShapeOf<typeof uniforms>

/** `accumulate` 1 adds to dx0, 0 overwrites it. x0 and dx0 share a stride, as do h and dh; dy lies as y does. */
export type CrossBackwardShape = Omit<CrossForwardShape, 'xRow'> & { accumulate: number }

const lanes = 64
/** Lanes of a row, side by side, each with every k-th column: at most 8, so that each has several columns. */
const rowLanes = (W4: number) => Math.min(8, Math.ceil(W4 / 8))

const laneWgsl = /* wgsl */ `
${mainWgsl(lanes)}
  let n = group * ${lanes}u + lane;
  let W4 = u.W4;
  let step = min(8u, (W4 + 7u) / 8u);
  let r = n / step;
  if (r >= u.R) { return; }`

const workgroups = ({ R, W4 }: { R: number; W4: number }) => linearGroups(Math.ceil((R * rowLanes(W4)) / lanes))

const dense = (R: number, W4: number) => ({ R, W4, x0Row: W4, hRow: W4, xRow: W4, yOffset: 0, yRow: W4 })

const cases: readonly CrossForwardShape[] = [
  dense(1, 1),
  { R: 67, W4: 13, x0Row: 15, hRow: 13, xRow: 14, yOffset: 3, yRow: 17 },
  dense(31, 48),
  { R: 129, W4: 4, x0Row: 4, hRow: 6, xRow: 5, yOffset: 1, yRow: 6 },
]

/** More than 65,535 workgroups: every row of the inputs is the same one. */
const manyGroups = { R: 65_535 * lanes + 1, W4: 1, x0Row: 0, hRow: 0, xRow: 0, yOffset: 0, yRow: 1 }

const draw = (between: (low: number, high: number) => number) =>
  withGaps(dense(between(1, 90), between(1, 40)), between)

const benchmarks = [dense(2048, 48), dense(2048, 384)]

/** vec4 that R rows at a stride reach over: one row where all are the same. */
const reach = (R: number, row: number, W4: number) => (row === 0 ? W4 : R * row)

export const crossForward: Kernel<CrossForwardShape, 'x0' | 'h' | 'x' | 'y', Tuning> = {
  name: 'interaction.cross.forward',
  bindings: { ...reads('vec4f', 'x0', 'h', 'x'), ...writes('vec4f', 'y') },
  uniforms,
  tunings: [{ name: 'eight-lanes-per-row' }],
  wgsl: () => /* wgsl */ `${laneWgsl}
  let x0Start = r * u.x0Row;
  let hStart = r * u.hRow;
  let xStart = r * u.xRow;
  let yStart = u.yOffset + r * u.yRow;
  for (var i = n % step; i < W4; i += step) { y[yStart + i] = x0[x0Start + i] * h[hStart + i] + x[xStart + i]; }
}`,
  workgroups,
  sizes: ({ R, W4, x0Row, hRow, xRow, yOffset, yRow }) => ({
    x0: reach(R, x0Row, W4),
    h: reach(R, hRow, W4),
    x: reach(R, xRow, W4),
    y: yOffset + R * yRow,
  }),
  reference: (s, { x0, h, x, y }) => {
    for (let r = 0; r < s.R; r++)
      for (let i = 0; i < s.W4 * 4; i++)
        y[(s.yOffset + r * s.yRow) * 4 + i] = x0[r * s.x0Row * 4 + i] * h[r * s.hRow * 4 + i] + x[r * s.xRow * 4 + i]
  },
  cost: ({ R, W4 }) => ({ flops: R * W4 * 8, bytes: R * W4 * 64 }),
  tolerance: () => ({ absolute: 5e-7, relative: 1e-6 }),
  cases: [...cases, manyGroups],
  draw,
  benchmarks,
}

/** dh = dy ⊙ x0 and dx0 (+)= dy ⊙ h. The residual's share of dx is dy itself, which matmul adds. */
export const crossBackward: Kernel<CrossBackwardShape, 'dy' | 'x0' | 'h' | 'dh' | 'dx0', Tuning> = {
  name: 'interaction.cross.backward',
  bindings: { ...reads('vec4f', 'dy', 'x0', 'h'), ...writes('vec4f', 'dh', 'dx0') },
  uniforms: { R: 'size', W4: 'size', x0Row: 'u32', hRow: 'u32', yOffset: 'u32', yRow: 'u32', accumulate: 'u32' },
  tunings: [{ name: 'eight-lanes-per-row' }],
  wgsl: () => /* wgsl */ `${laneWgsl}
  let x0Start = r * u.x0Row;
  let hStart = r * u.hRow;
  let yStart = u.yOffset + r * u.yRow;
  let accumulate = u.accumulate != 0u;
  for (var i = n % step; i < W4; i += step) {
    let g = dy[yStart + i];
    dh[hStart + i] = g * x0[x0Start + i];
    var sum = g * h[hStart + i];
    if (accumulate) { sum += dx0[x0Start + i]; }
    dx0[x0Start + i] = sum;
  }
}`,
  workgroups,
  sizes: ({ R, x0Row, hRow, yOffset, yRow }) => ({
    dy: yOffset + R * yRow,
    x0: R * x0Row,
    h: R * hRow,
    dh: R * hRow,
    dx0: R * x0Row,
  }),
  reference: (s, { dy, x0, h, dh, dx0 }) => {
    for (let r = 0; r < s.R; r++)
      for (let i = 0; i < s.W4 * 4; i++) {
        const g = dy[(s.yOffset + r * s.yRow) * 4 + i]
        const [place, at] = [r * s.hRow * 4 + i, r * s.x0Row * 4 + i]
        dh[place] = g * x0[at]
        dx0[at] = s.accumulate ? dx0[at] + g * h[place] : g * h[place]
      }
  },
  cost: ({ R, W4, accumulate }) => ({ flops: R * W4 * (accumulate ? 12 : 8), bytes: R * W4 * (accumulate ? 96 : 80) }),
  tolerance: () => ({ absolute: 5e-7, relative: 1e-6 }),
  cases: cases.map(({ xRow, ...shape }, i) => ({ ...shape, accumulate: i % 2 })),
  draw: (between) => {
    const { xRow, ...shape } = draw(between)
    return { ...shape, accumulate: between(0, 1) }
  },
  benchmarks: benchmarks.map(({ xRow, ...shape }) => ({ ...shape, accumulate: 1 })),
  gradient: {
    forward: crossForward,
    shape: ({ accumulate, ...shape }) => ({ ...shape, xRow: shape.W4 }),
    from: { y: 'dy' },
    to: { h: 'dh', x0: 'dx0' },
  },
}
