import { type Dispatch, type GpuDevice, Program } from '@headwater/gpu'
import { Patience } from './patience.ts'

const maxRepeats = 400

/** Some dispatches, as often in one submit as fit a given time, so that the submit itself does not count. */
export class RepeatedRuns {
  readonly #program: Program
  readonly #repeats: number
  readonly #patience = new Patience()
  /** The very first run, with the driver's compilation. */
  readonly firstMs: number

  private constructor(program: Program, repeats: number, firstMs: number) {
    this.#program = program
    this.#repeats = repeats
    this.firstMs = firstMs
  }

  static async make(device: GpuDevice, dispatches: readonly Dispatch[], submitMs: number): Promise<RepeatedRuns> {
    const once = new Program(device, dispatches, 'once')
    const time = async () => {
      const startMs = performance.now()
      once.submit()
      await device.idle()
      return performance.now() - startMs
    }
    const firstMs = await time()
    const onceMs = Math.min(await time(), await time())
    once.dispose()
    const repeats = Math.max(1, Math.min(maxRepeats, Math.round(submitMs / onceMs)))
    const program = new Program(device, new Array(repeats).fill(dispatches).flat(), 'repeated')
    const runs = new RepeatedRuns(program, repeats, firstMs)
    await runs.timeMs()
    return runs
  }

  /** Milliseconds of one run. */
  async timeMs(): Promise<number> {
    const { gpuDevice } = this.#program.device
    for (;;) {
      const startMs = performance.now()
      this.#program.submit()
      const tookMs = await this.#patience.wait(gpuDevice.queue, startMs)
      this.#program.device.check()
      if (tookMs !== undefined) return tookMs / this.#repeats
    }
  }

  /** What one measurement takes. */
  get submitMs(): number {
    return this.#patience.expectedMs
  }

  dispose(): void {
    this.#program.dispose()
  }
}
