import type { Clock } from '@headwater/pooling'

/** Round trips that an estimate is chosen from. */
const kept = 8

/**
 * The time of the servers, taken from their answers (Cristian 1989): an answer's time is taken for that of the middle of
 * its round trip, so the error is half a trip at most; of the last eight answers that of the shortest trip counts. Before
 * the first it is the process's own clock.
 */
export class SharedClock implements Clock {
  readonly #own: Clock
  #samples: { readonly offsetMs: number; readonly tripMs: number }[] = []
  #offsetMs = 0

  constructor(own: Clock = Date) {
    this.#own = own
  }

  /** What the process's own clock lacks. */
  get offsetMs(): number {
    return this.#offsetMs
  }

  now(): number {
    return this.#own.now() + this.#offsetMs
  }

  /** Asks a server for its time. */
  async sync(ask: () => Promise<number>): Promise<void> {
    const startMs = performance.now()
    const serverMs = await ask()
    const tripMs = performance.now() - startMs
    const offsetMs = Math.round(serverMs + tripMs / 2 - this.#own.now())
    this.#samples = [...this.#samples.slice(1 - kept), { offsetMs, tripMs }]
    this.#offsetMs = this.#samples.reduce((best, each) => (each.tripMs <= best.tripMs ? each : best)).offsetMs
  }
}
