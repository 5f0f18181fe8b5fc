import { build } from 'hdr-histogram-js'
import type { LoadObserver } from './open-loop.ts'

/** Microseconds, to three digits. */
const histogram = () =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: 6e8, numberOfSignificantValueDigits: 3 })
const microseconds = (ms: number) => Math.max(1, Math.round(1_000 * ms))

/** Latencies, failures and lateness of a load. Latencies are of failed and of abandoned calls too. */
export class LatencyRecord implements LoadObserver {
  readonly #latencies = histogram()
  readonly #late = histogram()
  readonly #failures: { [failure: string]: number } = {}
  #answered = 0
  #wireMs = 0

  ended(intendedMs: number, sentMs: number, endMs: number, failure: string | null): void {
    this.#latencies.recordValue(microseconds(endMs - intendedMs))
    if (failure !== null) this.failed(failure)
    else {
      this.#answered++
      this.#wireMs += endMs - sentMs
    }
  }

  /** A failure whose latency does not count. */
  failed(failure: string): void {
    this.#failures[failure] = (this.#failures[failure] ?? 0) + 1
  }

  abandoned(intendedMs: number, endMs: number): void {
    this.#latencies.recordValue(microseconds(endMs - intendedMs))
  }

  noticed(lateMs: number): void {
    this.#late.recordValue(microseconds(lateMs))
  }

  /** Latencies count from the time at which a call should have started. */
  figures() {
    const atMs = (percentile: number) => this.#latencies.getValueAtPercentile(percentile) / 1_000
    return {
      /** Calls without failure. */
      answered: this.#answered,
      /** Numbers of calls by what failed: `HTTP 429`, `ECONNRESET`, `no answer`. */
      failures: this.#failures,
      p50Ms: atMs(50),
      p99Ms: atMs(99),
      p999Ms: atMs(99.9),
      maxMs: this.#latencies.maxValue / 1_000,
      meanMs: this.#latencies.mean / 1_000,
      /** Mean of the answered calls from their sending to their answer. */
      wireMeanMs: this.#answered === 0 ? 0 : this.#wireMs / this.#answered,
      /** How much later than due an arrival was noticed (p99): what the load's own process adds. */
      lateP99Ms: this.#late.getValueAtPercentile(99) / 1_000,
    }
  }
}
