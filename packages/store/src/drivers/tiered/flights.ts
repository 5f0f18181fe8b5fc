/**
 * What is under way between a tier and its base, by owner: reads, so that others that want the same wait for them, and
 * writes, so that nothing which was read before they ended is kept.
 */

import { getOrMake } from '../../maps/get-or-make.ts'

/** One record on its way from the base. */
export interface Flight {
  /** Resolves when the base has answered; rejects where it could not. */
  readonly done: Promise<void>
  /** Whether another read waits for the record, which needs a copy. */
  joined: boolean
  record: Uint8Array | undefined | null
  /** Whether the tier may keep what comes: no write was under way since. */
  mayKeep: boolean
}

export class Flights {
  /** By owner, then by part. */
  readonly #reads = new Map<string, Map<number, Flight>>()
  /** By owner, how many are under way; `contested` where two overlapped, so that it is not known which was last. */
  readonly #writes = new Map<string, { writers: number; contested: boolean }>()

  /** The read that a new one may wait for. */
  join(owner: string, part: number): Flight | undefined {
    const flight = this.#reads.get(owner)?.get(part)
    if (flight !== undefined) flight.joined = true
    return flight
  }

  start(owner: string, part: number, done: Promise<void>): Flight {
    const flight: Flight = { done, joined: false, record: undefined, mayKeep: !this.#writes.has(owner) }
    getOrMake(this.#reads, owner, () => new Map()).set(part, flight)
    return flight
  }

  /** No read may join any more: it has arrived or failed. */
  settle(owner: string, part: number, flight: Flight): void {
    const parts = this.#reads.get(owner)
    if (parts?.get(part) !== flight) return
    parts.delete(part)
    if (parts.size === 0) this.#reads.delete(owner)
  }

  beginWrite(owner: string): void {
    this.#cutOff(owner)
    const writing = getOrMake(this.#writes, owner, () => ({ writers: 0, contested: false }))
    writing.contested = ++writing.writers > 1 || writing.contested
  }

  /** @returns whether the write was alone from begin to end, so that what it wrote is what the base has now */
  endWrite(owner: string): boolean {
    this.#cutOff(owner)
    const writing = this.#writes.get(owner)!
    writing.writers--
    if (writing.writers === 0) this.#writes.delete(owner)
    return !writing.contested
  }

  /**
   * A read that began before a write ended may have seen what was before it. Reads that wait for it may get that; no
   * other may, and the tier does not keep it. Reads are cut off when a write begins as well, and none is kept before it
   * ends: else of two readers one after the other, the second may see what is older, where a further write ends in
   * between.
   */
  #cutOff(owner: string): void {
    for (const flight of this.#reads.get(owner)?.values() ?? []) flight.mayKeep = false
    this.#reads.delete(owner)
  }
}
