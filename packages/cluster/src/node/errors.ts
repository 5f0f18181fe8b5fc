import { PoolingError, SnapshotRefusedError } from '@headwater/pooling'

/** Two publishers gave one number of a model to two snapshots. The one that was known first goes on. */
export class PublisherConflictError extends SnapshotRefusedError {
  constructor(model: string, snapshot: number) {
    super(
      `snapshot ${snapshot} of model "${model}" is another one than the snapshot ${snapshot} that the store knows: two ` +
        'publishers share the model. Let one of them publish, or give the other a model name of its own.',
    )
  }
}

/** A publisher's answer that is none, or files that are not what their checksums say. What was there goes on. */
export class SnapshotFetchError extends PoolingError {}
