/**
 * out[b, n] = (out[b, n] +) scale · Σ over R rows r of in[b, r, n]: the gradient of a bias, or of whatever was broadcast.
 * A matrix of very many rows can be summed in two steps: B slices of it first, then the B sums. Batch and row strides may
 * be anything, also 0; offsets, strides and N4 count vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'
import { combineWgsl, type RowSplitTuning, rowSplitBucket, rowSplitTunings } from './row-split.ts'

const uniforms = {
  ...all('size', 'B', 'R', 'N4'),
  ...all('u32', 'inOffset', 'inBatch', 'inRow', 'outOffset', 'outBatch', 'accumulate'),
  scale: 'f32',
} as const

export type ColumnSumShape = ShapeOf<typeof uniforms>

/** A whole shape from what is not the default: dense matrices one after another, whose sums are assigned. */
export function columnSumShape(given: { R: number; N4: number } & Partial<ColumnSumShape>): ColumnSumShape {
  const { R, N4, inRow = N4 } = given
  return { ...zeros(uniforms), B: 1, inRow, inBatch: R * inRow, outBatch: N4, scale: 1, ...given }
}

const gaps = { inOffset: 1, inBatch: 6, inRow: 19, outOffset: 2, outBatch: 7 }

const inputSize = (s: ColumnSumShape) => s.inOffset + (s.B - 1) * s.inBatch + (s.R - 1) * s.inRow + s.N4
const outputSize = (s: ColumnSumShape) => s.outOffset + (s.B - 1) * s.outBatch + s.N4

export const columnSum: Kernel<ColumnSumShape, 'input' | 'output', RowSplitTuning> = {
  name: 'column-sum',
  bindings: { ...reads('vec4f', 'input'), ...writes('vec4f', 'output') },
  uniforms,
  tunings: rowSplitTunings,
  bucket: ({ N4 }) => rowSplitBucket(N4),
  wgsl: (t) => /* wgsl */ `
${combineWgsl(t)}
${mainWgsl(t.columns * t.lanes)}
  let across = (u.N4 + ${t.columns - 1}u) / ${t.columns}u;
  let index = group;
  let b = index / across;
  if (b >= u.B) { return; }
  let n = (index - b * across) * ${t.columns}u + lane % ${t.columns}u;
  let at = u.inOffset + b * u.inBatch + min(n, u.N4 - 1u);
  var sums = array<vec4f, 4>();
  var r = lane / ${t.columns}u;
  for (; r + ${3 * t.lanes}u < u.R; r += ${4 * t.lanes}u) {
    ${[0, 1, 2, 3].map((i) => `sums[${i}] += input[at + (r + ${i * t.lanes}u) * u.inRow];`).join('\n    ')}
  }
  for (; r < u.R; r += ${t.lanes}u) { sums[0] += input[at + r * u.inRow]; }
  let sum = u.scale * combine((sums[0] + sums[1]) + (sums[2] + sums[3]), lane);
  if (lane < ${t.columns}u && n < u.N4) {
    let to = u.outOffset + b * u.outBatch + n;
    if (u.accumulate == 1u) { output[to] += sum; } else { output[to] = sum; }
  }
}`,
  workgroups: ({ B, N4 }, { columns }) => linearGroups(B * Math.ceil(N4 / columns)),
  sizes: (s) => ({ input: inputSize(s), output: outputSize(s) }),
  reference: (s, { input, output }) => {
    for (let b = 0; b < s.B; b++)
      for (let n = 0; n < s.N4 * 4; n++) {
        let sum = 0
        for (let r = 0; r < s.R; r++) sum += input[(s.inOffset + b * s.inBatch + r * s.inRow) * 4 + n]!
        const to = (s.outOffset + b * s.outBatch) * 4 + n
        output[to] = (s.accumulate ? output[to]! : 0) + s.scale * sum
      }
  },
  cost: ({ B, R, N4 }) => ({ flops: B * R * N4 * 4, bytes: B * (R + 1) * N4 * 16 }),
  tolerance: ({ R, scale }) => ({ absolute: 1e-6 + Math.abs(scale) * 2e-7 * R ** 0.75, relative: 1e-6 }),
  cases: [
    columnSumShape({ R: 1, N4: 1 }),
    columnSumShape({ R: 127, N4: 13, inOffset: 2, inRow: 17, outOffset: 3 }),
    columnSumShape({ R: 512, N4: 48, accumulate: 1, scale: -0.5 }),
    columnSumShape({ R: 67, N4: 5, B: 3, ...gaps, accumulate: 1 }),
    columnSumShape({ R: 5, N4: 3, B: 4, inBatch: 0 }),
    columnSumShape({ R: 20_011, N4: 1, scale: 1 / 20_011 }),
    columnSumShape({ R: 2, N4: 1, B: 65_537 }),
  ],
  draw: (between) => {
    const N4 = between(1, 40)
    const [B, R] = [between(1, 4), between(1, 200)]
    const inRow = N4 + between(0, 3)
    return columnSumShape({
      B,
      R,
      N4,
      inOffset: between(0, 5),
      inRow,
      inBatch: between(0, 1) * R * inRow,
      outOffset: between(0, 5),
      outBatch: N4 + between(0, 3),
      accumulate: between(0, 1),
      scale: between(-4, 4) / 2,
    })
  },
  benchmarks: [
    columnSumShape({ R: 2048, N4: 48 }),
    columnSumShape({ R: 8192, N4: 24 }),
    columnSumShape({ R: 2048, N4: 384 }),
    columnSumShape({ R: 8192, N4: 1 }),
  ],
}
