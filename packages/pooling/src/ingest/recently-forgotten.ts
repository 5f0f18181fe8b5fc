const kept = 1_024

/**
 * Users who are forgotten while reads are under way: what such a read had of them from the store is not to be served, nor
 * logged behind the forgetting.
 */
export class RecentlyForgotten {
  #count = 0
  /** The last ones, each at its number modulo `kept`. */
  readonly #users: string[] = []
  #reads = 0

  /** Call before the store is asked. @returns how many were forgotten until then */
  beginRead(): number {
    this.#reads++
    return this.#count
  }

  endRead(): void {
    this.#reads--
    // Nobody asks for them any more, and their names are not to stay.
    if (this.#reads === 0 && this.#users.length > 0) this.#users.length = 0
  }

  add(user: string): void {
    if (this.#reads > 0) this.#users[this.#count++ % kept] = user
  }

  /** Whether somebody was forgotten since a read began. */
  anySince(begun: number): boolean {
    return this.#count > begun
  }

  /** Whether a user was; in doubt, where more were than are kept, true. */
  since(begun: number, user: string): boolean {
    if (this.#count - begun > kept) return true
    for (let n = begun; n < this.#count; n++) if (this.#users[n % kept] === user) return true
    return false
  }
}
