/** Imported by the encoder's process: towers on WebGPU, each on a device of its own. */
import { loadTower } from '@headwater/runtime'
import type { EncoderBackend } from './backend.ts'

export const backend: EncoderBackend = {
  async load(directory, onCompile) {
    const tower = await loadTower(directory, { onCompile })
    try {
      await tower.warm()
    } catch (cause) {
      tower.dispose()
      throw cause
    }
    const { manifest, schema, space, dim } = tower
    return {
      manifest,
      schema,
      layout: space.user,
      dim,
      encode: (batch) => tower.encode(batch),
      dispose: () => tower.dispose(),
    }
  },
}
