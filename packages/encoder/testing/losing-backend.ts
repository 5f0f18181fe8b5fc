/** The WebGPU backend, whose device is lost by a batch of a certain size. */
import { loadTower } from '@headwater/runtime'
import type { EncoderBackend } from '../src/process/backend.ts'

export const losingRows = 666

export const backend: EncoderBackend = {
  async load(directory, onCompile) {
    const tower = await loadTower(directory, { onCompile })
    await tower.warm()
    const { manifest, schema, space, dim } = tower
    return {
      manifest,
      schema,
      layout: space.user,
      dim,
      encode: (batch) => {
        if (batch.rows === losingRows) tower.device.destroy()
        return tower.encode(batch)
      },
      dispose: () => tower.dispose(),
    }
  },
}
