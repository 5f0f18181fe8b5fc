import type { ItemTable } from './messages.ts'

/** The item vectors of one snapshot, as a server has them. */
export interface ServedItems extends Omit<ItemTable, 'model' | 'vectors'> {
  /** [buckets, width] */
  readonly table: Float32Array
  /** @returns [N, width] of items by their keys */
  read(items: readonly string[]): Float32Array
  /** All of it as `.npz`. */
  archive(): Uint8Array
}

/** Where a server has a model's item vectors from; errors are `@headwater/pooling`'s. */
export interface ItemSource {
  /**
   * @param snapshot null: the one that refreshes go through
   * @returns null where that one publishes none
   * @throws UnknownSnapshotError where it is not there, SnapshotRefusedError where it cannot be read
   */
  open(snapshot: number | null): Promise<ServedItems | null>
}
