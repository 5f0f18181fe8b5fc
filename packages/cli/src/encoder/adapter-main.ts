/** Run as a process, so that no driver is loaded into the one that asks: prints the adapter that WebGPU would compute on. */
import { NoAdapterError, requestDevice } from '@headwater/gpu'

export interface ProbedAdapter {
  readonly software: boolean
  readonly description: string
}

async function probe(): Promise<ProbedAdapter | null> {
  try {
    const device = await requestDevice({ label: 'probe' })
    device.destroy()
    const { software, description, vendor } = device.adapter
    return { software, description: description || vendor }
  } catch (cause) {
    if (cause instanceof NoAdapterError) return null
    throw cause
  }
}

process.stdout.write(JSON.stringify(await probe()))
