/**
 * Periodic encoding of dense features with learned frequencies (Gorishniy et al. 2022, "On Embeddings for Numerical
 * Features"): feature f becomes [sin 2π c₁x … sin 2π c_k x | cos 2π c₁x … cos 2π c_k x | missing, 0, 0, 0]. Where x is
 * missing (NaN) sines and cosines are 0 and the flag is 1. A linear layer and ReLU behind it make the paper's PLR.
 * R rows, F features, K4 vec4 of frequencies each; the features' groups of 2 K4 + 1 vec4 lie `yFeature` apart. Offset and
 * row stride of x count floats, the others vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { combineWgsl, type RowSplitTuning, rowSplitBucket, rowSplitTunings } from '../layout/row-split.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { featuresWithGaps, missingWgsl } from './missing.ts'
import { type RowsTuning, rowsGrid, rowsTunings, rowsWgsl } from './rows.ts'
import { turnsWgsl } from './turns.ts'

const uniforms = {
  ...all('size', 'R', 'F', 'K4'),
  ...all('u32', 'xOffset', 'xRow', 'frequencyOffset', 'yOffset', 'yRow', 'yFeature'),
} as const

export type PeriodicShape = ShapeOf<typeof uniforms>

/** The backward pass cuts the rows into S slices of ⌈R / S⌉ and writes a gradient of F · K4 vec4 for each. */
export type PeriodicBackwardShape = PeriodicShape & { S: number; outOffset: number; outRow: number }

const dense = (R: number, F: number, K4: number, gap = 0): PeriodicShape => {
  const yFeature = K4 * 2 + 1 + gap
  return { R, F, K4, xOffset: 0, xRow: F, frequencyOffset: 0, yOffset: 0, yRow: F * yFeature, yFeature }
}

const denseBackward = (R: number, F: number, K4: number, S: number): PeriodicBackwardShape => ({
  ...dense(R, F, K4),
  S,
  outOffset: 0,
  outRow: F * K4,
})

const gaps = { R: 67, F: 5, K4: 3, xOffset: 1, xRow: 7, frequencyOffset: 2, yOffset: 3, yRow: 43, yFeature: 8 }

const xSize = (s: PeriodicShape) => s.xOffset + (s.R - 1) * s.xRow + s.F
const frequencySize = (s: PeriodicShape) => s.frequencyOffset + s.F * s.K4
const ySize = (s: PeriodicShape) => s.yOffset + (s.R - 1) * s.yRow + (s.F - 1) * s.yFeature + s.K4 * 2 + 1
const outSize = (s: PeriodicBackwardShape) => s.outOffset + (s.S - 1) * s.outRow + s.F * s.K4

const draw = (between: (low: number, high: number) => number): PeriodicShape =>
  withGaps(dense(between(1, 90), between(1, 20), between(1, 4), between(0, 2)), between)

const example = (s: PeriodicShape, random: () => number) => ({
  x: featuresWithGaps(xSize(s), random),
  frequencies: 2,
})

export const periodicForward: Kernel<PeriodicShape, 'x' | 'frequencies' | 'y', RowsTuning> = {
  name: 'encoding.periodic',
  bindings: { ...reads('f32', 'x'), ...reads('vec4f', 'frequencies'), ...writes('vec4f', 'y') },
  uniforms,
  tunings: rowsTunings,
  wgsl: (t) =>
    `${missingWgsl}${turnsWgsl}${rowsWgsl(
      t,
      'u.F * u.K4',
      /* wgsl */ `let f = q / u.K4;
  let k = q - f * u.K4;
  let frequency = frequencies[u.frequencyOffset + q];`,
      /* wgsl */ `let value = x[u.xOffset + r * u.xRow + f];
    let missing = isMissing(value);
    let turns = sineCosine(value * frequency);
    let to = u.yOffset + r * u.yRow + f * u.yFeature;
    y[to + k] = select(turns.sine, vec4f(), missing);
    y[to + u.K4 + k] = select(turns.cosine, vec4f(), missing);
    if (k == 0u) { y[to + 2u * u.K4] = vec4f(select(0.0, 1.0, missing), 0.0, 0.0, 0.0); }`,
    )}`,
  workgroups: ({ R, F, K4 }, t) => rowsGrid(R, F * K4, t),
  sizes: (s) => ({ x: xSize(s), frequencies: frequencySize(s), y: ySize(s) }),
  reference: (s, { x, frequencies, y }) => {
    const k = s.K4 * 4
    for (let r = 0; r < s.R; r++)
      for (let f = 0; f < s.F; f++) {
        const value = x[s.xOffset + r * s.xRow + f]!
        const to = (s.yOffset + r * s.yRow + f * s.yFeature) * 4
        for (let j = 0; j < k; j++) {
          const angle = 2 * Math.PI * frequencies[s.frequencyOffset * 4 + f * k + j]! * value
          y[to + j] = Number.isNaN(value) ? 0 : Math.sin(angle)
          y[to + k + j] = Number.isNaN(value) ? 0 : Math.cos(angle)
        }
        y.fill(0, to + 2 * k, to + 2 * k + 4)
        if (Number.isNaN(value)) y[to + 2 * k] = 1
      }
  },
  cost: ({ R, F, K4 }) => ({ flops: R * F * K4 * 4 * 20, bytes: R * F * (4 + (2 * K4 + 1) * 16) + F * K4 * 16 }),
  // |c x| of up to 6 turns, each rounded to 2⁻²² turns
  tolerance: () => ({ absolute: 1e-5, relative: 0 }),
  cases: [dense(1, 1, 1), gaps, dense(33, 13, 2), dense(70, 64, 4)],
  draw,
  benchmarks: [dense(2048, 64, 2), dense(2048, 64, 4)],
  example,
}

/** dc = Σ over rows of 2π x (dy_sin · cos 2πcx − dy_cos · sin 2πcx); rows where x is missing give nothing. */
export const periodicBackward: Kernel<PeriodicBackwardShape, 'x' | 'frequencies' | 'dy' | 'out', RowSplitTuning> = {
  name: 'encoding.periodic-backward',
  bindings: { ...reads('f32', 'x'), ...reads('vec4f', 'frequencies', 'dy'), ...writes('vec4f', 'out') },
  uniforms: { ...uniforms, S: 'size', outOffset: 'u32', outRow: 'u32' },
  tunings: rowSplitTunings,
  bucket: ({ F, K4 }) => rowSplitBucket(F * K4),
  wgsl: (t) => /* wgsl */ `
${missingWgsl}
${turnsWgsl}
${combineWgsl(t)}
${mainWgsl(t.columns * t.lanes)}
  let columns = u.F * u.K4;
  let across = (columns + ${t.columns - 1}u) / ${t.columns}u;
  let index = group;
  let slice = index / across;
  if (slice >= u.S) { return; }
  let q = (index - slice * across) * ${t.columns}u + lane % ${t.columns}u;
  let column = min(q, columns - 1u);
  let f = column / u.K4;
  let at = u.yOffset + f * u.yFeature + column - f * u.K4;
  let frequency = frequencies[u.frequencyOffset + column];
  let length = (u.R + u.S - 1u) / u.S;
  let end = min(u.R, (slice + 1u) * length);
  var sum = vec4f();
  for (var r = slice * length + lane / ${t.columns}u; r < end; r += ${t.lanes}u) {
    let value = x[u.xOffset + r * u.xRow + f];
    let turns = sineCosine(value * frequency);
    let along = dy[at + r * u.yRow] * turns.cosine - dy[at + r * u.yRow + u.K4] * turns.sine;
    sum += select(value * along, vec4f(), isMissing(value));
  }
  let total = combine(sum, lane);
  if (lane < ${t.columns}u && q < columns) { out[u.outOffset + slice * u.outRow + q] = ${2 * Math.PI} * total; }
}`,
  workgroups: ({ F, K4, S }, { columns }) => linearGroups(S * Math.ceil((F * K4) / columns)),
  sizes: (s) => ({ x: xSize(s), frequencies: frequencySize(s), dy: ySize(s), out: outSize(s) }),
  reference: (s, { x, frequencies, dy, out }) => {
    const k = s.K4 * 4
    for (let slice = 0; slice < s.S; slice++)
      for (let f = 0; f < s.F; f++)
        for (let j = 0; j < k; j++) {
          let sum = 0
          for (let r = 0; r < s.R; r++) {
            const value = x[s.xOffset + r * s.xRow + f]!
            if (Math.floor(r / Math.ceil(s.R / s.S)) !== slice || Number.isNaN(value)) continue
            const angle = 2 * Math.PI * value * frequencies[s.frequencyOffset * 4 + f * k + j]!
            const from = (s.yOffset + r * s.yRow + f * s.yFeature) * 4 + j
            sum += 2 * Math.PI * value * (dy[from]! * Math.cos(angle) - dy[from + k]! * Math.sin(angle))
          }
          out[(s.outOffset + slice * s.outRow) * 4 + f * k + j] = sum
        }
  },
  cost: ({ R, F, K4, S }) => ({ flops: R * F * K4 * 4 * 24, bytes: R * F * (4 + K4 * 32) + F * K4 * 16 * (1 + S) }),
  tolerance: ({ R, S }) => ({ absolute: 1e-4 + 5e-5 * Math.sqrt(R / S), relative: 1e-5 }),
  cases: [
    denseBackward(1, 1, 1, 1),
    { ...gaps, S: 3, outOffset: 2, outRow: 17 },
    denseBackward(33, 13, 2, 1),
    denseBackward(5, 3, 2, 7),
    denseBackward(300, 17, 4, 4),
  ],
  draw: (between) => {
    const shape = draw(between)
    return { ...shape, S: between(1, 6), outOffset: between(0, 5), outRow: shape.F * shape.K4 + between(0, 3) }
  },
  benchmarks: [denseBackward(2048, 64, 2, 1), denseBackward(2048, 64, 4, 1)],
  example,
  gradient: {
    forward: periodicForward,
    shape: ({ S, outOffset, outRow, ...shape }) => shape,
    from: { y: 'dy' },
    to: {
      frequencies: (s, { out }) => {
        const gradient = new Float64Array(frequencySize(s) * 4)
        for (let slice = 0; slice < s.S; slice++)
          for (let i = 0; i < s.F * s.K4 * 4; i++) {
            const value = out[(s.outOffset + slice * s.outRow) * 4 + i]!
            gradient[s.frequencyOffset * 4 + i] = gradient[s.frequencyOffset * 4 + i]! + value
          }
        return gradient
      },
    },
  },
}
