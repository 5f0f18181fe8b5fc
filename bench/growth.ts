/** Whether steady steps leave anything behind: JS heap after collection, and bytes allocated on the device. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { GpuDevice } from '@headwater/gpu'

export interface Growth {
  readonly steps: number
  /** Least-squares slope of the heap after collection over the steps, bytes a step. */
  readonly heapBytesPerStep: number
  /** Largest distance of a sample from that line: the noise. */
  readonly heapNoiseBytes: number
  /** Heap at the end less heap at the beginning. */
  readonly heapBytes: number
  readonly deviceBytes: number
}

const samples = 10
/** For so many times the steps the engine goes on compiling what runs, which is heap too. */
const warmUps = 2

/** Runs `steps` steps behind twice as many to warm up. */
export async function measureGrowth(device: GpuDevice, steps: number, run: () => Promise<void>): Promise<Growth> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heap = async () => {
    await device.idle()
    collect()
    collect()
    return process.memoryUsage().heapUsed + process.memoryUsage().external
  }
  for (let i = 0; i < steps * warmUps; i++) await run()
  const deviceBefore = device.allocatedBytes
  const heaps = [await heap()]
  for (let sample = 0; sample < samples; sample++) {
    for (let i = 0; i < steps / samples; i++) await run()
    heaps.push(await heap())
  }
  const at = (i: number) => (i * steps) / samples
  const meanX = steps / 2
  const meanY = heaps.reduce((a, b) => a + b, 0) / heaps.length
  const slope =
    heaps.reduce((sum, y, i) => sum + (at(i) - meanX) * (y - meanY), 0) /
    heaps.reduce((sum, _, i) => sum + (at(i) - meanX) ** 2, 0)
  return {
    steps,
    heapBytesPerStep: slope,
    heapNoiseBytes: Math.max(...heaps.map((y, i) => Math.abs(y - meanY - slope * (at(i) - meanX)))),
    heapBytes: heaps[samples] - heaps[0],
    deviceBytes: device.allocatedBytes - deviceBefore,
  }
}
