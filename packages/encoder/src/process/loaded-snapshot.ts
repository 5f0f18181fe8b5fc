import type { Schema, SideBatch } from '@headwater/features'
import type { Encoder, Pooling } from '@headwater/pooling'
import { PoolingError } from '@headwater/pooling'
import type { SnapshotManifest } from '@headwater/snapshot'
import type { LoadedMessage } from './messages.ts'

/** What a loaded snapshot asks of the process that holds it. */
export interface SnapshotHolder {
  encode(snapshot: LoadedSnapshot, batch: SideBatch): Promise<Float32Array>
  drop(snapshot: LoadedSnapshot): void
}

/** A snapshot in an encoder's process. It outlives the process: the next one loads it again. Shape letters: R rows. */
export class LoadedSnapshot implements Encoder {
  /** Its name in the process. */
  readonly number: number
  readonly directory: string
  readonly manifest: SnapshotManifest
  readonly snapshot: number
  readonly frame: number
  /** The manifest names the last event trained on, an encoder the first moment after it. */
  readonly dataCutoffMs: number
  readonly schema: Schema
  readonly dim: number
  readonly #holder: SnapshotHolder
  #underWay = 0
  #released = false
  #ended: (() => void) | null = null

  constructor(number: number, directory: string, { manifest, schema, dim }: LoadedMessage, holder: SnapshotHolder) {
    this.number = number
    this.directory = directory
    this.manifest = manifest
    this.snapshot = manifest.snapshot
    this.frame = manifest.frame
    this.dataCutoffMs = manifest.dataCutoffMs + 1
    this.schema = schema
    this.dim = dim
    this.#holder = holder
  }

  /**
   * While the process is started again, a call waits for it.
   * @returns f32 [R, dim]
   * @throws EncoderDiedError where the process ended meanwhile, or did not come up: the call may be made again;
   * EncodeError for what failed in it; SnapshotRefusedError where it could not be loaded again
   */
  async encode(batch: SideBatch): Promise<Float32Array> {
    if (this.#released) throw new PoolingError(`snapshot ${this.snapshot} was released; load it again`)
    this.#underWay++
    try {
      return await this.#holder.encode(this, batch)
    } finally {
      if (--this.#underWay === 0) this.#ended?.()
    }
  }

  /** Frees it in the process once its calls have ended; later calls are refused. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    if (this.#underWay > 0)
      await new Promise<void>((resolve) => {
        this.#ended = resolve
      })
    this.#holder.drop(this)
  }
}

/** Releases a snapshot once no pooling holds it any more, published, as a shadow, or for a refresh that is due. */
export async function releaseAfter(snapshot: LoadedSnapshot, poolings: readonly Pooling[]): Promise<void> {
  await Promise.all(poolings.map((pooling) => pooling.released(snapshot)))
  await snapshot.release()
}
