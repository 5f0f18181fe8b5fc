import {
  nextSnapshotNumber,
  readManifest,
  type SnapshotManifest,
  servedHistory,
  serveSnapshot,
  snapshotDirectory,
} from '@headwater/snapshot'
import { CheckpointError } from '../checkpoint/checkpoint-error.ts'
import type { RecurringTraining } from './recurring-training.ts'

/**
 * Publishes the weights as snapshot `number`, unless a run that was killed behind its publication did so; what it left
 * undone is done.
 * @throws CheckpointError where the number was taken by something else, and what `RecurringTraining.publish` throws
 */
export async function publishOnce(
  training: RecurringTraining,
  modelDirectory: string,
  number: number,
): Promise<SnapshotManifest> {
  if ((await nextSnapshotNumber(modelDirectory)) <= number) return (await training.publish(modelDirectory)).manifest
  const manifest = await readManifest(snapshotDirectory(modelDirectory, number))
  if (manifest.trainedRows !== training.capture().state.trained)
    throw new CheckpointError(
      `Snapshot ${number} of ${modelDirectory} is not the one that this training was about to publish: something else published there since. Start in a new directory.`,
    )
  const history = await servedHistory(modelDirectory)
  if (manifest.verdict.status === 'published' && !history.some(({ snapshot }) => snapshot === number))
    await serveSnapshot(modelDirectory, number, 'gate')
  return manifest
}
