import { checkEncoder, EncoderDiedError, SnapshotRefusedError } from '@headwater/pooling'
import type { LoadedSnapshot } from '../process/loaded-snapshot.ts'
import { DeadlyLoads } from './deadly-loads.ts'
import type { FollowModelOptions } from './followed-model.ts'
import { type NewestServable, newestServable } from './served-entry.ts'

/**
 * Loads the newest snapshot that a model's directory served and that is not refused, by what a server that runs goes by.
 * @throws as `newestServable`
 */
export function loadFirst(options: FollowModelOptions): Promise<NewestServable<LoadedSnapshot>> {
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
async function loadGood({ encoder, name, admit }: FollowModelOptions, directory: string): Promise<LoadedSnapshot> {
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
