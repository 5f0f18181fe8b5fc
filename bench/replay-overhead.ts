/** What the processor does for a recorded dispatch when a record is replayed. */
import { type Dispatch, type GpuDevice, Program, prepareDispatch, type Shape } from '@headwater/gpu'
import { kernels } from '@headwater/kernels'
import { type Spread, spread } from './report.ts'
import { uploadExample } from './timed-kernel.ts'

const dispatchCount = 200
/** The first are not counted: the engine has not compiled the replay by then. */
const warmUpRounds = 50
const rounds = 250

export interface Replay {
  readonly dispatches: number
  /** Microseconds of a dispatch: commands encoded. */
  readonly encodeUs: Spread
  /** The same with the end of encoding and the submit, where Dawn validates and hands over to the driver. */
  readonly submitUs: Spread
}

/** A dispatch of each kernel on its first case, which is tiny. */
function tinyDispatches(device: GpuDevice, owned: GPUBuffer[]): Dispatch[] {
  return kernels.map((kernel) => {
    const shape = (kernel.cases as readonly Shape[])[0]
    const buffers = uploadExample(device, kernel, shape)
    owned.push(...Object.values(buffers))
    return prepareDispatch(device, kernel, shape, buffers)
  })
}

/** Replays a record in which all kernels take turns. */
export async function measureReplay(device: GpuDevice): Promise<Replay> {
  const owned: GPUBuffer[] = []
  const each = tinyDispatches(device, owned)
  const program = new Program(
    device,
    Array.from({ length: dispatchCount }, (_, i) => each[i % each.length]),
    'replay',
  )
  await program.warm()
  const encodeUs: number[] = []
  const submitUs: number[] = []
  for (let round = -warmUpRounds; round < rounds; round++) {
    const startMs = performance.now()
    let encodedMs = startMs
    program.submit({
      after: () => {
        encodedMs = performance.now()
      },
    })
    const endMs = performance.now()
    if (round >= 0) {
      encodeUs.push(((encodedMs - startMs) * 1e3) / dispatchCount)
      submitUs.push(((endMs - startMs) * 1e3) / dispatchCount)
    }
    await device.idle()
  }
  program.dispose()
  for (const buffer of owned) device.release(buffer)
  return { dispatches: dispatchCount, encodeUs: spread(encodeUs), submitUs: spread(submitUs) }
}
