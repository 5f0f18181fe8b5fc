import type { SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { loadUserTower } from '@headwater/runtime'
import type { Snapshot } from '@headwater/snapshot'

/** A user tower as publications ask it. Shape letters: U users, J numbers of a user's embeddings. */
export interface AskedTower {
  /** J */
  readonly dim: number
  /** [U, J] */
  encode(batch: SideBatch): Promise<Float32Array>
  dispose(): void | Promise<void>
}

/**
 * The tower of a snapshot, in published coordinates: ours on a device, one that was made elsewhere in ONNX Runtime.
 * @param device asked for where it is ours @throws what `loadUserTower` and `loadExternalTower` throw
 */
export async function snapshotTower(
  device: () => GpuDevice | Promise<GpuDevice>,
  snapshot: Snapshot,
): Promise<AskedTower> {
  if (snapshot.manifest.external !== undefined) return (await import('@headwater/external')).loadExternalTower(snapshot)
  const { encoder, dispose } = loadUserTower(await device(), snapshot)
  return { dim: encoder.dim, encode: (batch) => encoder.encode(batch), dispose }
}
