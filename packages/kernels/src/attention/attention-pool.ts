/**
 * Attention pooling of a user's last events. Event l of row r is the token x_l = table[ids[r, l]] + Σ_c channels[r, l, c] ·
 * mix[c]; its weight is softmax over l < lengths[r] of query · x_l / √D, and y[r] = Σ weight_l · x_l (zero where length is 0).
 * Tokens are rebuilt in the backward pass rather than stored.
 * Shape letters: R rows, L events, C channels, D4 vec4 of width, V table rows. `yColumn` and `yRow` count vec4. Without
 * channels, C = 0, `channels` is not used, and any buffer does.
 * `parameters` holds mix [C, D] and then query [D], from `pOffset` (vec4).
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { range } from '../wgsl/range.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import {
  eventLoop,
  type PoolTuning,
  poolBucket,
  poolGroups,
  poolTunings,
  poolWgsl,
  sumQuads,
} from './attention-pool-wgsl.ts'
import { exampleLengths } from './example-lengths.ts'

const uniforms = {
  ...all('size', 'R', 'L'),
  C: 'u32',
  D4: 'size',
  ...all('u32', 'pOffset', 'yColumn', 'yRow'),
} as const

export type AttentionPoolShape = ShapeOf<typeof uniforms> & { V: number }

export type PoolInputs = 'table' | 'ids' | 'channels' | 'lengths' | 'parameters'

const cases: readonly AttentionPoolShape[] = [
  { R: 1, L: 1, C: 1, D4: 1, V: 1, pOffset: 0, yColumn: 0, yRow: 1 },
  { R: 19, L: 7, C: 2, D4: 4, V: 23, pOffset: 5, yColumn: 3, yRow: 9 },
  { R: 130, L: 32, C: 3, D4: 4, V: 200, pOffset: 0, yColumn: 0, yRow: 4 },
  { R: 7, L: 65, C: 6, D4: 8, V: 50, pOffset: 1, yColumn: 2, yRow: 11 },
  { R: 5, L: 20, C: 5, D4: 11, V: 40, pOffset: 0, yColumn: 0, yRow: 11 },
  { R: 4, L: 9, C: 1, D4: 19, V: 30, pOffset: 0, yColumn: 0, yRow: 19 },
  // a bag of ids without channels
  { R: 23, L: 5, C: 0, D4: 5, V: 40, pOffset: 3, yColumn: 1, yRow: 7 },
  // more than 65,535 workgroups of a row
  { R: 66_000, L: 1, C: 1, D4: 1, V: 5, pOffset: 0, yColumn: 0, yRow: 1 },
]

const draw = (between: (low: number, high: number) => number): AttentionPoolShape => {
  const [L, C, D4] = [between(1, between(0, 1) === 0 ? 9 : 70), between(0, 6), between(1, 10)]
  return withGaps({ R: between(1, 40), L, C, D4, V: between(1, 30), pOffset: 0, yColumn: 0, yRow: D4 }, between)
}

const benchmarks: readonly AttentionPoolShape[] = [
  { R: 512, L: 32, C: 3, D4: 4, V: 5000, pOffset: 0, yColumn: 0, yRow: 4 },
  { R: 2048, L: 64, C: 3, D4: 8, V: 20_000, pOffset: 0, yColumn: 0, yRow: 8 },
]

export const poolBindings = {
  ...reads('vec4f', 'table'),
  ...reads('u32', 'ids'),
  ...reads('f32', 'channels'),
  ...reads('u32', 'lengths'),
  ...reads('vec4f', 'parameters'),
} as const

export const poolInputSizes = ({ R, L, C, D4, V, pOffset }: AttentionPoolShape) => ({
  table: V * D4,
  ids: R * L,
  channels: Math.max(1, R * L * C),
  lengths: R,
  parameters: pOffset + (C + 1) * D4,
})

export const poolOutputSize = ({ R, D4, yColumn, yRow }: AttentionPoolShape): number => yColumn + (R - 1) * yRow + D4

/** What forward and backward have in common. */
export const attentionPool = {
  uniforms,
  tunings: poolTunings,
  bucket: poolBucket,
  workgroups: poolGroups,
  cases,
  draw,
  benchmarks,
  example: (s: AttentionPoolShape, random: () => number) => ({ ids: s.V, lengths: exampleLengths(s.R, s.L, random) }),
} as const

/** Tokens [L, D] and attention weights of one row, in float64. */
export function attend(s: AttentionPoolShape, x: ReferenceArrays<PoolInputs>, r: number) {
  const D = s.D4 * 4
  const tokens = Array.from({ length: x.lengths[r]! }, (_, l) => {
    const event = r * s.L + l
    return Float64Array.from({ length: D }, (_, d) => {
      let value = x.table[x.ids[event]! * D + d]!
      for (let c = 0; c < s.C; c++) value += x.channels[event * s.C + c]! * x.parameters[s.pOffset * 4 + c * D + d]!
      return value
    })
  })
  const scores = tokens.map(
    (t) => t.reduce((sum, v, d) => sum + v * x.parameters[s.pOffset * 4 + s.C * D + d]!, 0) / Math.sqrt(D),
  )
  const top = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - top))
  const total = powers.reduce((a, b) => a + b, 0)
  return { tokens, weights: powers.map((p) => p / total) }
}

function wgsl(tuning: PoolTuning): string {
  const quads = range(tuning.quads)
  return poolWgsl(
    tuning,
    /* wgsl */ `
    ${quads.map((c) => `var y_${c} = vec4f();`).join(' ')}
    var mixed = vec4f();
    var top = -3.4e38;
    var total = 0.0;
    ${eventLoop(
      tuning,
      '',
      '',
      /* wgsl */ `
      let next = select(top, score, counts && score > top);
      let shrink = exp(top - next);
      let power = select(0.0, exp(score - next), counts);
      total = total * shrink + power;
      mixed = mixed * shrink + power * shares;
      ${quads.map((c) => `y_${c} = y_${c} * shrink + power * t_${c};`).join(' ')}
      top = next;`,
    )}
    let share = exp(top - reduceMax(top, lane));
    let rowTotal = reduceSum(total * share, lane);
    ${sumQuads(
      tuning,
      'sum',
      quads.map((c) => `y_${c} * share`),
      ['mixed * share'],
    )}
    if (isOwn) {
      let m = sum_0;
      let value = sum_own + m[0] * mix_0 + m[1] * mix_1 + m[2] * mix_2 + m[3] * mix_3;
      y[row * u.yRow + u.yColumn + first + lane] = select(vec4f(), value / rowTotal, length > 0u);
    }`,
  )
}

export const attentionPoolForward: Kernel<AttentionPoolShape, PoolInputs | 'y', PoolTuning> = {
  name: 'attention-pool.forward',
  bindings: { ...poolBindings, ...writes('vec4f', 'y') },
  ...attentionPool,
  wgsl,
  sizes: (s) => ({ ...poolInputSizes(s), y: poolOutputSize(s) }),
  reference: (s, arrays) => {
    const D = s.D4 * 4
    for (let r = 0; r < s.R; r++) {
      const { tokens, weights } = attend(s, arrays, r)
      for (let d = 0; d < D; d++)
        arrays.y[(r * s.yRow + s.yColumn) * 4 + d] = tokens.reduce((sum, t, l) => sum + weights[l]! * t[d]!, 0)
    }
  },
  cost: ({ R, L, C, D4 }) => ({ flops: R * L * (D4 * 16 + C * 4), bytes: 4 * R * (L * (D4 * 4 + C + 1) + D4 * 4 + 1) }),
  tolerance: () => ({ absolute: 5e-6, relative: 1e-5 }),
}
