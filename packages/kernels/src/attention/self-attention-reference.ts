/** Float64 references of the self-attention kernels, with whole matrices of scores. */
import type { ReferenceArrays } from '@headwater/gpu'
import type { SelfAttentionShape } from './self-attention-shape.ts'

/** One head of one sequence: rows of queries, keys and values, and which keys each query sees. */
interface Head {
  readonly b: number
  readonly h: number
  readonly length: number
  readonly q: Float64Array[]
  readonly k: Float64Array[]
  readonly v: Float64Array[]
  readonly seen: (i: number) => number[]
}

type Values = Float64Array | Uint32Array

const rowsOf = (values: Values, offset: number, stride: number, rows: number, columns: number): Float64Array[] =>
  Array.from({ length: rows }, (_, l) =>
    Float64Array.from({ length: columns }, (_, d) => values[offset + l * stride + d]!),
  )

function* heads(s: SelfAttentionShape, qkv: Values, lengths: Values): Generator<Head> {
  for (let b = 0; b < s.B; b++)
    for (let h = 0; h < s.H; h++) {
      const length = Math.min(s.L, lengths[b]!)
      const at = b * s.L * s.row + h * s.D
      const [q, k, v] = [s.qOffset, s.kOffset, s.vOffset].map((offset) =>
        rowsOf(qkv, offset + at, s.row, length, s.D),
      ) as [Float64Array[], Float64Array[], Float64Array[]]
      const seen = (i: number) => Array.from({ length: s.causal ? i + 1 : length }, (_, j) => j)
      yield { b, h, length, q, k, v, seen }
    }
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, d) => sum + x * b[d]!, 0)

export function selfAttentionForwardReference(
  s: SelfAttentionShape,
  { qkv, lengths, y, lses }: ReferenceArrays<'qkv' | 'lengths' | 'y' | 'lses'>,
): void {
  for (let b = 0; b < s.B; b++)
    for (let l = 0; l < s.L; l++)
      y.fill(0, s.yOffset + (b * s.L + l) * s.yRow, s.yOffset + (b * s.L + l) * s.yRow + s.H * s.D)
  lses.fill(0)
  for (const { b, h, length, q, k, v, seen } of heads(s, qkv, lengths))
    for (let i = 0; i < length; i++) {
      const scores = seen(i).map((j) => dot(q[i]!, k[j]!) / Math.sqrt(s.D))
      const top = Math.max(...scores)
      const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0)
      lses[(b * s.H + h) * s.L + i] = top === -Infinity ? top : top + Math.log(total)
      for (let d = 0; d < s.D; d++) {
        let sum = 0
        for (const [j, score] of scores.entries()) sum += (Math.exp(score - top) / total) * v[j]![d]!
        y[s.yOffset + (b * s.L + i) * s.yRow + h * s.D + d] = sum
      }
    }
}

/** exp(score − lse) of a head's query i and key j. */
function weight(s: SelfAttentionShape, { b, h, q, k }: Head, lses: Values, i: number, j: number): number {
  return Math.exp(dot(q[i]!, k[j]!) / Math.sqrt(s.D) - lses[(b * s.H + h) * s.L + i]!)
}

/** Zeros in the columns of one of queries, keys and values. */
function clear(s: SelfAttentionShape, dqkv: Values, offset: number): void {
  for (let place = 0; place < s.B * s.L; place++)
    dqkv.fill(0, offset + place * s.row, offset + place * s.row + s.H * s.D)
}

export function selfAttentionQueryReference(
  s: SelfAttentionShape,
  arrays: ReferenceArrays<'qkv' | 'lengths' | 'lses' | 'y' | 'dy' | 'dqkv' | 'deltas'>,
): void {
  const { qkv, lengths, lses, y, dy, dqkv, deltas } = arrays
  clear(s, dqkv, s.qOffset)
  deltas.fill(0)
  for (const head of heads(s, qkv, lengths)) {
    const { b, h, length, k, v, seen } = head
    const at = s.yOffset + b * s.L * s.yRow + h * s.D
    const [out, g] = [y, dy].map((values) => rowsOf(values, at, s.yRow, length, s.D)) as [
      Float64Array[],
      Float64Array[],
    ]
    for (let i = 0; i < length; i++) {
      const delta = dot(g[i]!, out[i]!)
      deltas[(b * s.H + h) * s.L + i] = delta
      const slopes = seen(i).map((j) => weight(s, head, lses, i, j) * (dot(g[i]!, v[j]!) - delta))
      for (let d = 0; d < s.D; d++)
        dqkv[s.qOffset + (b * s.L + i) * s.row + h * s.D + d] = slopes.reduce(
          (sum, slope, j) => sum + (slope * k[j]![d]!) / Math.sqrt(s.D),
          0,
        )
    }
  }
}

export function selfAttentionKeyValueReference(
  s: SelfAttentionShape,
  arrays: ReferenceArrays<'qkv' | 'lengths' | 'lses' | 'deltas' | 'dy' | 'dqkv'>,
): void {
  const { qkv, lengths, lses, deltas, dy, dqkv } = arrays
  clear(s, dqkv, s.kOffset)
  clear(s, dqkv, s.vOffset)
  for (const head of heads(s, qkv, lengths)) {
    const { b, h, length, q, v, seen } = head
    const g = rowsOf(dy, s.yOffset + b * s.L * s.yRow + h * s.D, s.yRow, length, s.D)
    for (let i = 0; i < length; i++)
      for (const j of seen(i)) {
        const p = weight(s, head, lses, i, j)
        const slope = p * (dot(g[i]!, v[j]!) - deltas[(b * s.H + h) * s.L + i]!)
        const at = (b * s.L + j) * s.row + h * s.D
        for (let d = 0; d < s.D; d++) {
          dqkv[s.kOffset + at + d]! += (slope * q[i]![d]!) / Math.sqrt(s.D)
          dqkv[s.vOffset + at + d]! += p * g[i]![d]!
        }
      }
  }
}
