/**
 * How the coefficients of a memory, and the item vectors that they are multiplied by, are brought into the frame of the served snapshot: by
 * one rotation R for all heads and all items, so that (m R)·(q R) = m·q, and by no shift. Intercepts stay.
 * Shape letters: P users of the panel, J numbers of their embeddings, H heads, U coefficients of one, N items.
 */
import type { SideBatch } from '@headwater/features'
import { type EmbeddingLayout, type ItemFigures, ItemVectors } from '@headwater/snapshot'
import { type Rotation, turn } from './procrustes.ts'

/** Item vectors of the same items, each times the root of how often it occurs. */
export interface ItemPairs {
  /** [N, U] in the new tower's own coordinates. */
  readonly own: Float32Array
  /** [N, U] as the served snapshot publishes them. */
  readonly before: Float32Array
}

/** Numbers `from … from + count − 1` of each of the vectors. */
export function columnsOf(vectors: Float32Array, dim: number, from: number, count: number): Float32Array {
  const part = new Float32Array((vectors.length / dim) * count)
  for (let row = 0; row * dim < vectors.length; row++)
    part.set(vectors.subarray(row * dim + from, row * dim + from + count), row * count)
  return part
}

/** The items of the panel's events, each event counting once; null where there are none, or the two snapshots' vectors do not compare. */
export function itemPairs(own: ItemVectors | null, before: ItemVectors | null, panel: SideBatch): ItemPairs | null {
  if (!own || !before || !isOneLayout(own.layout, before.layout) || own.buckets !== before.buckets) return null
  const counts = new Float64Array(own.buckets)
  const { ids, lengths } = panel.sequence!
  const L = ids.length / panel.rows
  for (const [row, length] of lengths.entries()) for (let l = 0; l < length; l++) counts[ids[row * L + l]]++
  const { width } = own.layout
  const seen = Array.from(counts.keys()).filter((bucket) => counts[bucket] > 0)
  if (seen.length === 0) return null
  const weighed = ({ table }: ItemVectors) => {
    const rows = new Float32Array(seen.length * width)
    for (const [n, bucket] of seen.entries())
      for (let i = 0; i < width; i++) rows[n * width + i] = Math.sqrt(counts[bucket]) * table[bucket * width + i]
    return rows
  }
  return { own: weighed(own), before: weighed(before) }
}

const isOneLayout = (a: EmbeddingLayout, b: EmbeddingLayout) => JSON.stringify(a) === JSON.stringify(b)

/**
 * R [U, U], closest for all heads' coefficients and for the items' vectors, the coefficients of a head weighing as much as the vectors. Where
 * these do not compare, what the served snapshot has.
 * @param before published vectors [P, J] of the served snapshot @param own of the new tower, as they are
 * @param prior [J, J] of the served snapshot
 */
export function memoryTurn(
  before: Float32Array,
  own: Float32Array,
  dim: number,
  { width, heads }: EmbeddingLayout,
  items: ItemPairs | null,
  prior?: Float32Array,
): Float64Array {
  const coefficients = heads.map(({ coefficients: from }) => {
    const [x, y] = [own, before].map((vectors) => columnsOf(vectors, dim, from, width))
    return { x, y }
  })
  const near = prior && blockOf(prior, dim, heads[0].coefficients, width)
  return turn(items ? [...coefficients, { x: items.own, y: items.before }] : [], width, near)
}

/** Rows and columns `from … from + size − 1` of a matrix [J, J]. */
export function blockOf(matrix: Float32Array, dim: number, from: number, size: number): Float32Array {
  return columnsOf(matrix.subarray(from * dim, (from + size) * dim), dim, from, size)
}

/** The map over all J numbers: the head's over those that are learnt, R over each head's coefficients, and the rest as they are. */
export function withMemory(
  { dim: learnt, weight, bias }: Rotation,
  R: Float64Array,
  { width, heads }: EmbeddingLayout,
  dim: number,
): Rotation {
  const whole = new Float64Array(dim * dim)
  const put = (block: Float64Array, size: number, at: number) => {
    for (let i = 0; i < size; i++) whole.set(block.subarray(i * size, (i + 1) * size), (at + i) * dim + at)
  }
  for (let j = learnt; j < dim; j++) whole[j * dim + j] = 1
  put(weight, learnt, 0)
  for (const { coefficients } of heads) put(R, width, coefficients)
  const shift = new Float64Array(dim)
  shift.set(bias)
  return { dim, weight: whole, bias: shift }
}

/** Item vectors in published coordinates. @param weight [J, J] of the alignment; null: as they are */
export function published(items: ItemVectors, weight: Float32Array | null): ItemVectors {
  if (weight === null) return items
  const { layout, table } = items
  const dim = Math.sqrt(weight.length)
  return new ItemVectors(
    layout,
    rotated(table, blockOf(weight, dim, layout.heads[0].coefficients, layout.width), layout.width),
  )
}

/** x R, summed in float64. */
function rotated(x: Float32Array, R: Float32Array, width: number): Float32Array {
  const y = new Float32Array(x.length)
  for (let at = 0; at < x.length; at += width)
    for (let j = 0; j < width; j++) {
      let sum = 0
      for (let i = 0; i < width; i++) sum += x[at + i] * R[i * width + j]
      y[at + j] = sum
    }
  return y
}

/** @param weight [J, J] of the alignment; null: none */
export function itemFigures(
  { own, before }: ItemPairs,
  layout: EmbeddingLayout,
  weight: Float32Array | null,
): ItemFigures {
  const { width, heads } = layout
  const size = before.reduce((sum, value) => sum + value ** 2, 0)
  const residual = (x: Float32Array) => Math.sqrt(x.reduce((sum, value, i) => sum + (value - before[i]) ** 2, 0) / size)
  const R = weight && blockOf(weight, Math.sqrt(weight.length), heads[0].coefficients, width)
  return { residual: residual(R ? rotated(own, R, width) : own), unalignedResidual: residual(own) }
}
