/**
 * Vectors of items that a snapshot publishes beside its users' embeddings: coefficients in an embedding, times an item's vector, plus the
 * head's intercept, are what a user's past says of the item. Both are in published coordinates.
 * Shape letters: B buckets, U numbers of an item's vector, H heads, N items.
 */
import { bucketOf } from '@headwater/features'
import { decodeSafetensors, encodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'

/** Which of an embedding's J numbers are what. Those that are neither learnt, coefficients nor intercepts are zero. */
export interface EmbeddingLayout {
  /** The first so many are the head's: what the tower makes of statistics, categories and events. */
  readonly learnt: number
  /** U, coefficients of a head. */
  readonly width: number
  /** H of them: where its U coefficients begin, and where its intercept stands. */
  readonly heads: readonly { readonly coefficients: number; readonly intercept: number }[]
}

const tensor = 'items'

/** The items' vectors of one snapshot, a row a bucket of the item's key. */
export class ItemVectors {
  readonly layout: EmbeddingLayout
  /** B */
  readonly buckets: number
  /** [B, U] */
  readonly table: Float32Array

  /** @throws SnapshotError for a table that is no [B, U] */
  constructor(layout: EmbeddingLayout, table: Float32Array, source = 'Item vectors') {
    this.layout = layout
    this.buckets = table.length / layout.width
    this.table = table
    if (!(Number.isInteger(this.buckets) && this.buckets >= 2))
      throw new SnapshotError(`${source}: ${table.length} numbers are no vectors of ${layout.width}. Publish it again.`)
  }

  /** @returns [N, U] of items by their keys; keys of one bucket have one vector */
  read(items: readonly string[]): Float32Array {
    const { width } = this.layout
    const vectors = new Float32Array(items.length * width)
    for (const [i, item] of items.entries()) {
      const at = bucketOf('item', item, this.buckets) * width
      vectors.set(this.table.subarray(at, at + width), i * width)
    }
    return vectors
  }

  /** [H] what each head says of an item: intercept + m·q, of a user's embedding [J] and the item's vector [U]. */
  scores(embedding: ArrayLike<number>, vector: ArrayLike<number>): number[] {
    return this.layout.heads.map(({ coefficients, intercept }) => {
      let score = embedding[intercept]
      for (let i = 0; i < this.layout.width; i++) score += embedding[coefficients + i] * vector[i]
      return score
    })
  }
}

/** @throws SafetensorsError for values that are not finite */
export function encodeItems({ buckets, layout, table }: ItemVectors): Uint8Array {
  return encodeSafetensors([{ name: tensor, rows: buckets, cols: layout.width, data: table }], {})
}

/** @param layout as the manifest has it @throws SafetensorsError, or SnapshotError where the two do not belong together */
export function decodeItems(file: Uint8Array, layout: EmbeddingLayout | null, source: string): ItemVectors {
  const matrix = decodeSafetensors(file, source).get(tensor)
  if (layout === null || matrix?.cols !== layout.width)
    throw new SnapshotError(`${source}: has no tensor ${tensor} as wide as the manifest's layout. Publish it again.`)
  return new ItemVectors(layout, matrix.data, source)
}
