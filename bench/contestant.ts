/** How every contestant is timed, ours and peers alike. */
import type { Patience } from './patience.ts'
import type { Workload } from './workloads.ts'

/** One way of a contestant to do one operation, its inputs on the device. */
export interface Attempt {
  /** Which of its ways: 'MatMul', 'jit(matmul)'. */
  readonly way: string
  /** Runs once from the given inputs and reads the outputs, one behind the other. */
  result(): Promise<Float32Array>
  /** Hands over `repeats` runs to the device. Resolves when the last has been submitted, not when it has run. */
  queue(repeats: number): Promise<void> | void
  dispose(): void
}

export interface Contestant {
  readonly name: string
  /** The device that it made for itself on the common adapter. */
  readonly device: GPUDevice
}

export interface Peer extends Contestant {
  /** Its ways to do an operation, of which the fastest counts; none where it has no such operation. */
  attempts(workload: Workload): Promise<readonly Attempt[]>
}

/**
 * Milliseconds of a run, when `repeats` are queued and then awaited: `onSubmittedWorkDone` on the contestant's own queue,
 * nothing is read back.
 */
export async function timeRuns(
  { device }: Contestant,
  attempt: Attempt,
  repeats: number,
  patience: Patience,
): Promise<number> {
  for (;;) {
    const startMs = performance.now()
    await attempt.queue(repeats)
    const tookMs = await patience.wait(device.queue, startMs)
    if (tookMs !== undefined) return tookMs / repeats
  }
}
