import { readManifest } from '@headwater/snapshot'
import type { BackendTower, EncoderBackend } from './backend.ts'

/**
 * Loads a snapshot's tower: one of ours by the backend, one that was made elsewhere in ONNX Runtime, whatever the backend is. A model
 * may have snapshots of both kinds.
 * @throws SnapshotError; ExternalTowerError; what the backend throws
 */
export async function loadBackendTower(
  backend: EncoderBackend,
  directory: string,
  onCompile: (number: number, total: number) => void,
): Promise<BackendTower> {
  const { external } = await readManifest(directory)
  if (external === undefined) return backend.load(directory, onCompile)
  const { loadExternalTower } = await import('@headwater/external')
  return loadExternalTower(directory)
}
