import { WireError } from '@headwater/client/wire'

interface Bucket {
  tokens: number
  atMs: number
}

/**
 * A token bucket a caller: `burst` requests at once, `perSecond` of them after that. A bucket that has filled up again says
 * nothing, so it may be dropped; memory is bounded by `maxCallers`.
 */
export class RateLimit {
  readonly #perSecond: number
  readonly #burst: number
  readonly #maxCallers: number
  readonly #buckets = new Map<unknown, Bucket>()

  constructor(perSecond: number, burst: number, maxCallers = 10_000) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#maxCallers = maxCallers
  }

  get callers(): number {
    return this.#buckets.size
  }

  /**
   * @param caller whatever tells callers apart
   * @param nowMs by `performance.now()`
   * @throws WireError `too_many_requests`
   */
  take(caller: unknown, nowMs: number): void {
    const bucket = this.#buckets.get(caller) ?? this.#open(caller, nowMs)
    bucket.tokens = this.#filled(bucket, nowMs)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) {
      throw new WireError('too_many_requests', `more than ${this.#perSecond} requests a second; wait and send it again`)
    }
    bucket.tokens--
  }

  #filled({ tokens, atMs }: Bucket, nowMs: number): number {
    return Math.min(this.#burst, tokens + ((nowMs - atMs) * this.#perSecond) / 1_000)
  }

  #open(caller: unknown, nowMs: number): Bucket {
    if (this.#buckets.size >= this.#maxCallers) this.#makeRoom(nowMs)
    const bucket = { tokens: this.#burst, atMs: nowMs }
    this.#buckets.set(caller, bucket)
    return bucket
  }

  /** Drops those that are full again, else the one that came first. */
  #makeRoom(nowMs: number): void {
    for (const [caller, bucket] of this.#buckets)
      if (this.#filled(bucket, nowMs) >= this.#burst) this.#buckets.delete(caller)
    if (this.#buckets.size < this.#maxCallers) return
    const [first] = this.#buckets.keys()
    this.#buckets.delete(first)
  }
}
