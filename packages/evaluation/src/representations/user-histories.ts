/** The last events of each user, as what they were of and what came of them. Shape letters: N events at most. */

/** An event: the bucket of its item, and whether the first task's label was 1. Event ids are less than 2 · buckets. */
export function eventId(item: number, label: number): number {
  return 2 * item + label
}

const none = new Uint32Array(0)

export class UserHistories {
  readonly #length: number
  readonly #events: Uint32Array[] = []

  /** @param length N */
  constructor(length: number) {
    this.#length = length
  }

  /** Event ids, the latest first; it is not changed by later events. @param user number from 0 on */
  of(user: number): Uint32Array {
    return this.#events[user] ?? none
  }

  push(user: number, event: number): void {
    const before = this.of(user)
    const after = new Uint32Array(Math.min(this.#length, before.length + 1))
    after[0] = event
    after.set(before.subarray(0, after.length - 1), 1)
    this.#events[user] = after
  }
}
