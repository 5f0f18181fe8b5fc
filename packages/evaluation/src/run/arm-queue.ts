import { EventEmitter, once } from 'node:events'
import type { Arm } from '../lab/arms/arm.ts'
import type { LabCache } from '../lab/cache/lab-cache.ts'

/** An upstream that is being trained may be whole before the arm that it is trained for. */
const lookAgainMs = 1000

/** Arms that are left, for several to take from: an upstream is trained by one of them, and the others run other arms meanwhile. */
export class ArmQueue {
  readonly #cache: LabCache
  readonly #left: Set<Arm>
  /** Directories of upstreams that those who took an arm may be training. */
  readonly #training = new Map<Arm, string>()
  readonly #ended = new EventEmitter()

  constructor(arms: readonly Arm[], cache: LabCache) {
    this.#cache = cache
    // One that is there may be damaged.
    this.#left = new Set(arms.filter((arm) => cache.find(arm) === null))
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
        this.#ended.emit('arm')
      }
    }
  }

  #take(): Arm | undefined {
    const arm = [...this.#left].find(({ upstream }) => {
      if (upstream === null || this.#cache.hasUpstream(upstream)) return true
      return ![...this.#training.values()].includes(this.#cache.directoryOf(upstream))
    })
    if (arm === undefined) return undefined
    this.#left.delete(arm)
    if (arm.upstream !== null) this.#training.set(arm, this.#cache.directoryOf(arm.upstream))
    return arm
  }

  /** An arm has ended, or it is time to look again. */
  async #change(): Promise<void> {
    await once(this.#ended, 'arm', { signal: AbortSignal.timeout(lookAgainMs) }).catch(() => {})
  }
}
