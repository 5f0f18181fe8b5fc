import { DeviceLostError, requestDevice } from '@headwater/gpu'
import { loadMixTower, loadTower } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import type { Towers } from './towers.ts'

/** Both towers on `navigator.gpu`. @throws NoAdapterError where the browser has none, SnapshotError for other bytes than were published */
export async function webgpuTowers(model: string): Promise<Towers> {
  // First: a page without a device need not load the weights.
  let device = await requestDevice()
  const snapshot = await readSnapshot(`${model}/snapshot`)
  const load = async () => ({
    tower: await loadTower(snapshot, { device }),
    mix: await loadMixTower(snapshot, { device }),
  })
  let loaded = await load()

  /** A driver that was reset takes the device along: the snapshot is still here, so that nothing is requested. */
  async function recovering<Result>(work: (towers: typeof loaded) => Promise<Result>): Promise<Result> {
    try {
      return await work(loaded)
    } catch (cause) {
      if (!(cause instanceof DeviceLostError)) throw cause
      device = await requestDevice()
      loaded = await load()
      return work(loaded)
    }
  }
  const { vendor, architecture, description } = device.adapter
  return {
    place: `WebGPU: ${description || `${vendor} ${architecture}`}`,
    space: loaded.tower.space,
    embed: (user) => recovering(({ tower }) => tower.encode(user)),
    predict: (embedding, items) => recovering(({ mix }) => mix.predict(embedding, items)),
  }
}
