import { type ModelConfig, olderPlaces, type Weights } from '@headwater/runtime'
import type { CheckpointFile } from './checkpoint-file.ts'

/**
 * Writes parameters and their moments from a checkpoint of the older form, whose runs held tensors that are gone.
 * @throws CheckpointError where its runs are others
 */
export async function readOlderRuns(checkpoint: CheckpointFile, weights: Weights, config: ModelConfig): Promise<void> {
  const { device, set, runs } = weights
  const { runBytes, places } = olderPlaces(set, config, device.limits)
  for (const what of ['values', 'first', 'second'] as const) {
    const label = runs[0][what]!.storage.label.replace(/ \d+$/, '')
    for (const [r, sizeBytes] of runBytes.entries()) {
      const bytes = new Uint8Array(sizeBytes)
      const name = runBytes.length === 1 ? label : `${label} ${r + 1}`
      await checkpoint.read(name, sizeBytes, (chunk, offsetBytes) => bytes.set(chunk, offsetBytes))
      for (const { from, to, sizeBytes } of places) {
        if (from.run !== r) continue
        const { buffer } = runs[to.run][what]!.storage
        device.gpuDevice.queue.writeBuffer(buffer!, to.offsetBytes, bytes, from.offsetBytes, sizeBytes)
      }
    }
  }
}
