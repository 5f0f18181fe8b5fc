/**
 * out[b, r, c] = (out[b, r, c] +) scale · in[b, r, c], both by strides: concat, slice, gather of every k-th row, residual
 * add, and broadcast by a stride of 0 in `in`. Offsets, strides and columns count vec4. Neighbouring lanes copy neighbouring columns and go down the rows, so that R had
 * better be longer than B where the two may be exchanged.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf, zeros } from '../wgsl/uniforms.ts'

const uniforms = {
  ...all('size', 'B', 'R', 'C'),
  ...all('u32', 'inOffset', 'inBatch', 'inRow', 'inColumn'),
  ...all('u32', 'outOffset', 'outBatch', 'outRow', 'outColumn', 'accumulate'),
  scale: 'f32',
} as const

export type CopyShape = ShapeOf<typeof uniforms>

export interface CopyTuning extends Tuning {
  /** Rows of one column that an invocation copies. */
  readonly rows: number
}

const workgroup = 64

/** A whole shape from what is not the default: dense matrices one after another, assigned unchanged. */
export function copyShape(given: { R: number; C: number } & Partial<CopyShape>): CopyShape {
  const { R, C, inRow = C, outRow = C } = given
  const dense = { B: 1, inRow, inBatch: R * inRow, inColumn: 1, outRow, outBatch: R * outRow, outColumn: 1, scale: 1 }
  return { ...zeros(uniforms), ...dense, ...given }
}

const inputSize = (s: CopyShape) =>
  s.inOffset + (s.B - 1) * s.inBatch + (s.R - 1) * s.inRow + (s.C - 1) * s.inColumn + 1
const outputSize = (s: CopyShape) =>
  s.outOffset + (s.B - 1) * s.outBatch + (s.R - 1) * s.outRow + (s.C - 1) * s.outColumn + 1

export const layoutCopy: Kernel<CopyShape, 'input' | 'output', CopyTuning> = {
  name: 'layout.copy',
  bindings: { ...reads('vec4f', 'input'), ...writes('vec4f', 'output') },
  uniforms,
  tunings: [
    { name: '8-rows', rows: 8 },
    { name: '32-rows', rows: 32 },
  ],
  wgsl: ({ rows }) => /* wgsl */ `
${mainWgsl(workgroup)}
  let index = group * ${workgroup}u + lane;
  let blocks = (u.R + ${rows - 1}u) / ${rows}u;
  let walk = index / u.C;
  let b = walk / blocks;
  if (b >= u.B) { return; }
  let c = index - walk * u.C;
  let first = (walk - b * blocks) * ${rows}u;
  let end = min(u.R, first + ${rows}u);
  var at = u.inOffset + b * u.inBatch + first * u.inRow + c * u.inColumn;
  var to = u.outOffset + b * u.outBatch + first * u.outRow + c * u.outColumn;
  if (u.accumulate == 1u) {
    for (var r = first; r < end; r++) { output[to] += u.scale * input[at]; at += u.inRow; to += u.outRow; }
  } else {
    for (var r = first; r < end; r++) { output[to] = u.scale * input[at]; at += u.inRow; to += u.outRow; }
  }
}`,
  workgroups: ({ B, R, C }, { rows }) => linearGroups(Math.ceil((B * Math.ceil(R / rows) * C) / workgroup)),
  sizes: (s) => ({ input: inputSize(s), output: outputSize(s) }),
  reference: (s, { input, output }) => {
    for (let b = 0; b < s.B; b++)
      for (let r = 0; r < s.R; r++)
        for (let c = 0; c < s.C; c++)
          for (let lane = 0; lane < 4; lane++) {
            const from = (s.inOffset + b * s.inBatch + r * s.inRow + c * s.inColumn) * 4 + lane
            const to = (s.outOffset + b * s.outBatch + r * s.outRow + c * s.outColumn) * 4 + lane
            output[to] = s.accumulate ? output[to]! + s.scale * input[from]! : s.scale * input[from]!
          }
  },
  cost: ({ B, R, C, accumulate }) => ({
    flops: B * R * C * (accumulate ? 8 : 4),
    bytes: B * R * C * (accumulate ? 48 : 32),
  }),
  tolerance: () => ({ absolute: 4e-7, relative: 2.5e-7 }),
  cases: [
    copyShape({ R: 1, C: 1 }),
    copyShape({ R: 67, C: 13, inOffset: 2, inRow: 17, outOffset: 3, outRow: 30, accumulate: 1, scale: -1.5 }),
    // broadcast of a row, of a column and of one batch
    copyShape({ R: 9, C: 65, B: 3, inBatch: 0, inRow: 0, outRow: 66, outBatch: 700 }),
    copyShape({ R: 129, C: 7, inRow: 1, inColumn: 0 }),
    // transposed
    copyShape({ R: 31, C: 33, B: 2, inRow: 1, inColumn: 31, scale: 0.5 }),
    copyShape({ R: 1, C: 1, B: 300, accumulate: 1 }),
    // over 65,535 workgroups
    copyShape({ R: 1, C: 64, B: 65_537, inBatch: 0 }),
    copyShape({ R: 257, C: 66 }),
  ],
  draw: (between) => {
    const [B, R, C] = [between(1, 4), between(1, 70), between(1, 90)]
    const broadcast = between(0, 3)
    const outRow = C + between(0, 3)
    return copyShape({
      B,
      R,
      C,
      inOffset: between(0, 5),
      inBatch: broadcast === 1 ? 0 : R * (C + 2),
      inRow: broadcast === 2 ? 0 : C + 2,
      inColumn: broadcast === 3 ? 0 : 1,
      outOffset: between(0, 5),
      outRow,
      outBatch: R * outRow + between(0, 3),
      accumulate: between(0, 1),
      scale: between(-4, 4) / 2,
    })
  },
  benchmarks: [copyShape({ R: 2048, C: 384 }), copyShape({ R: 8192, C: 24, outRow: 50, accumulate: 1 })],
}
