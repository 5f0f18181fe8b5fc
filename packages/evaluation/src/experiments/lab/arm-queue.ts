import type { Arm } from '../arms/arm.ts'
import type { Workshop } from './workshop.ts'

/** An upstream that is being trained may be whole before the arm that it is trained for. */
const lookAgainMs = 1000

/** Arms that are left, for several to take from: an upstream is trained by one of them, and the others run other arms meanwhile. */
export class ArmQueue {
  readonly #workshop: Workshop
  readonly #left: Set<Arm>
  /** Directories of upstreams that those who took an arm may be training. */
  readonly #training = new Map<Arm, string>()
  #wake: (() => void)[] = []

  constructor(arms: readonly Arm[], workshop: Workshop) {
    this.#workshop = workshop
    // One that is there may be damaged.
    this.#left = new Set(arms.filter((arm) => workshop.find(arm) === null))
  }

  get size(): number {
    return this.#left.size
  }

  /** Runs arms, one after the other, until none is left; where all that are left wait for an upstream, waits too. */
  async drain(run: (arm: Arm) => Promise<unknown>, signal?: AbortSignal): Promise<void> {
    while (this.#left.size > 0) {
      signal?.throwIfAborted()
      const arm = this.#take()
      if (arm === undefined) {
        await this.#change()
        continue
      }
      try {
        await run(arm)
      } finally {
        this.#training.delete(arm)
        for (const wake of this.#wake.splice(0)) wake()
      }
    }
  }

  #take(): Arm | undefined {
    const arm = [...this.#left].find(({ upstream }) => {
      if (upstream === null || this.#workshop.hasUpstream(upstream)) return true
      return ![...this.#training.values()].includes(this.#workshop.directoryOf(upstream))
    })
    if (arm === undefined) return undefined
    this.#left.delete(arm)
    if (arm.upstream !== null) this.#training.set(arm, this.#workshop.directoryOf(arm.upstream))
    return arm
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, lookAgainMs)
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
