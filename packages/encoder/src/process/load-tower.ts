import { readManifest, SnapshotError } from '@headwater/snapshot'
import type { BackendTower, EncoderBackend } from './backend.ts'

/**
 * Loads a snapshot's tower: one of ours by the backend, one that was made elsewhere in ONNX Runtime, whatever the backend is. A model
 * may have snapshots of both kinds.
 * @throws SnapshotError, also where `@headwater/external` is not installed; ExternalTowerError; what the backend throws
 */
export async function loadBackendTower(
  backend: EncoderBackend,
  directory: string,
  onCompile: (number: number, total: number) => void,
): Promise<BackendTower> {
  const { external } = await readManifest(directory)
  if (external === undefined) return backend.load(directory, onCompile)
  const { loadExternalTower } = await import('@headwater/external').catch((cause: unknown) => {
    const what = 'the tower was made elsewhere, and what computes it does not load'
    const remedy = 'Install it by `npm install @headwater/external onnxruntime-node@1`.'
    throw new SnapshotError(`${directory}: ${what}. ${remedy}`, { cause })
  })
  return loadExternalTower(directory)
}
