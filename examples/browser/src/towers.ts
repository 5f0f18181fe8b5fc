import type { FeatureSpace, SideBatch } from '@headwater/features'

/** A snapshot's two towers, wherever they run. Shape letters: R rows, J numbers of an embedding, T tasks. */
export interface Towers {
  /** Where they run, in words. */
  readonly place: string
  /** Makes the rows of both. */
  readonly space: FeatureSpace
  /** @param user one row @returns [J] */
  embed(user: SideBatch): Promise<Float32Array>
  /** @param embedding [J] @param items R rows @returns each task's probability for each item, [R, T] */
  predict(embedding: Float32Array, items: SideBatch): Promise<Float32Array>
}
