import { compileFeatures } from '@headwater/features'
import { ColdDefaults } from '../cold-defaults.ts'
import { SnapshotRefusedError } from '../errors.ts'
import { rulesOf } from '../options.ts'
import { DeadlyLoads } from './deadly-loads.ts'
import { EncoderDiedError } from './errors.ts'
import type { FollowModelOptions } from './followed-model.ts'
import type { LoadedSnapshot } from './loaded-snapshot.ts'
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
    await checkEncodes(name, snapshot)
    return snapshot
  } catch (cause) {
    await snapshot.release()
    throw cause
  }
}

/** As a pooling that it is published into would find out. @throws SnapshotRefusedError, what the encoder throws */
async function checkEncodes(name: string, snapshot: LoadedSnapshot): Promise<void> {
  const space = compileFeatures(snapshot.schema)
  const model = { name, dim: snapshot.dim, policy: { slot: 'snapshot', count: 1 } } as const
  const rule = rulesOf([model], snapshot.schema).get(name)!
  await new ColdDefaults(space, rule, 1).publish(snapshot, Date.now())
}
