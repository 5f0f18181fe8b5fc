import { checkEncoder, EncoderDiedError, SnapshotRefusedError } from '@headwater/pooling'
import type { EncoderProcess } from '../process/encoder-process.ts'
import type { LoadedSnapshot } from '../process/loaded-snapshot.ts'
import { DeadlyLoads } from './deadly-loads.ts'
import { type NewestServable, newestServable } from './served-entry.ts'

/** How a model's snapshots are loaded and judged. */
export interface LoadOptions {
  /** Where its snapshots are loaded. It stays the caller's. */
  readonly encoder: EncoderProcess
  /** Of the model's snapshots. */
  readonly directory: string
  /** In the poolings. */
  readonly name: string
  /** Asked before a snapshot is served; it throws to refuse one, a `SnapshotRefusedError` for good. */
  readonly admit?: (snapshot: LoadedSnapshot) => Promise<void>
  /** Called with the error where a snapshot was refused, or something else went wrong; the one before is served on. */
  readonly onError?: (error: unknown) => void
}

/**
 * Loads the newest snapshot that a model's directory served and that is not refused, by what a server that runs goes by.
 * @throws as `newestServable`
 */
export function loadFirst(options: LoadOptions): Promise<NewestServable<LoadedSnapshot>> {
  const { onError = () => {} } = options
  const deadly = new DeadlyLoads()
  const tryOut = async (directory: string, snapshot: number): Promise<LoadedSnapshot> => {
    for (;;) {
      try {
        return await loadGood(options, directory)
      } catch (cause) {
        const judged = deadly.judge(snapshot, cause)
        if (!(cause instanceof EncoderDiedError) || judged instanceof SnapshotRefusedError) throw judged
        onError(judged)
      }
    }
  }
  return newestServable(options.directory, tryOut, onError)
}

/** @throws SnapshotRefusedError, EncoderDiedError, EncodeError; what `admit` throws */
async function loadGood({ encoder, name, admit }: LoadOptions, directory: string): Promise<LoadedSnapshot> {
  const snapshot = await encoder.load(directory)
  try {
    await admit?.(snapshot)
    await checkEncoder(name, snapshot, snapshot.schema)
    return snapshot
  } catch (cause) {
    await snapshot.release()
    throw cause
  }
}
