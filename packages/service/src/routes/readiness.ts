import { wireErrorOf } from '../failures/failure.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { byDeadline } from '../requests/deadline.ts'

/** Longest that the store may take to show that it answers. */
const probeMs = 1_000
/** How long an answer holds. */
const keptMs = 500

type ReadinessParts = Pick<ServerParts, 'tenants' | 'models' | 'onError'>

/**
 * Whether the service can answer reads. Whoever asks needs no token, and the store is asked once for each tenant: so all who
 * ask meanwhile share one probe, and its answer holds for half a second.
 */
export class Readiness {
  readonly #parts: ReadinessParts
  #probe: Promise<string | null> | null = null
  /** By `performance.now()`; infinite while the probe is under way. */
  #keptUntilMs = Number.POSITIVE_INFINITY

  constructor(parts: ReadinessParts) {
    this.#parts = parts
  }

  /** Null where it is ready. */
  whyNot(): Promise<string | null> {
    if (this.#probe === null || performance.now() >= this.#keptUntilMs) {
      this.#keptUntilMs = Number.POSITIVE_INFINITY
      this.#probe = this.#ask().finally(() => {
        this.#keptUntilMs = performance.now() + keptMs
      })
    }
    return this.#probe
  }

  async #ask(): Promise<string | null> {
    const { tenants, models, onError } = this.#parts
    for (const [tenant, { store, pooling }] of tenants) {
      const without = models.find(({ name }) => pooling.latest(name) === undefined)
      if (without !== undefined) return `model "${without.name}" of tenant "${tenant}" has no snapshot yet`
      try {
        await byDeadline(performance.now() + probeMs, 'the store is slow', () => store.forgottenAtMs(['probe']))
      } catch (error) {
        onError?.(error)
        return `the store does not answer (${wireErrorOf(error).code})`
      }
    }
    return null
  }
}
