/** A kernel on one shape in all tunings that the adapter runs, timed in turn on the same inputs. */
import { type AnyKernel, type Dispatch, type GpuDevice, prepareDispatch, type Shape, type Tuning } from '@headwater/gpu'
import { exampleArrays } from '@headwater/kernels'
import { seededRandom } from '@headwater/statistics'
import { RepeatedRuns } from './repeated-runs.ts'

const rounds = 9
const submitMs = 10
/** Slow tunings get fewer rounds, so that a run ends some day. */
const budgetMs = 1500
const leastRounds = 3

export interface TimedTuning {
  readonly tuning: string
  /** Milliseconds of a run, one for each round. */
  readonly timesMs: readonly number[]
  /** The first run, with the driver's compilation. */
  readonly firstMs: number
}

/** Inputs on the device; outputs too, as the example has them. */
export function uploadExample(device: GpuDevice, kernel: AnyKernel, shape: Shape): { [name: string]: GPUBuffer } {
  const random = seededRandom(1)
  const arrays = Object.entries(exampleArrays(kernel, shape, () => random.nextFloat()))
  return Object.fromEntries(
    arrays.map(([name, array]) => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST
      const buffer = device.buffer(`${kernel.name} ${name}`, array.byteLength, usage)
      device.gpuDevice.queue.writeBuffer(buffer, 0, array as Float32Array<ArrayBuffer>)
      return [name, buffer]
    }),
  )
}

export async function timeTunings(
  device: GpuDevice,
  kernel: AnyKernel,
  shape: Shape,
): Promise<{ readonly dispatch: Dispatch; readonly tunings: readonly TimedTuning[] }> {
  const buffers = uploadExample(device, kernel, shape)
  const supported = (kernel.tunings as readonly Tuning[]).filter((tuning) => device.supports(tuning, shape))
  const dispatches = supported.map((tuning) => prepareDispatch(device, kernel, shape, buffers, tuning))
  const entries: { tuning: string; runs: RepeatedRuns; timesMs: number[]; rounds: number }[] = []
  try {
    for (const dispatch of dispatches) {
      const runs = await RepeatedRuns.make(device, [dispatch], submitMs)
      const affordable = Math.max(leastRounds, Math.min(rounds, Math.floor(budgetMs / runs.submitMs)))
      entries.push({ tuning: dispatch.tuning, runs, timesMs: [], rounds: affordable })
    }
    for (let round = 0; round < rounds; round++)
      for (const entry of entries) if (round < entry.rounds) entry.timesMs.push(await entry.runs.timeMs())
  } finally {
    for (const { runs } of entries) runs.dispose()
    for (const buffer of Object.values(buffers)) device.release(buffer)
  }
  return {
    dispatch: dispatches[0],
    tunings: entries.map(({ tuning, timesMs, runs }) => ({ tuning, timesMs, firstMs: runs.firstMs })),
  }
}

/** The dimensions of a shape, without strides, offsets and flags. */
export function dimensionsOf(kernel: AnyKernel, shape: Shape): string {
  const sizes = Object.entries(kernel.uniforms).filter(([, type]) => type === 'size')
  return sizes.map(([name]) => `${name} ${shape[name]}`).join(', ')
}
