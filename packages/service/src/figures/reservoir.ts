import { type SeededRandom, seededRandom } from '@headwater/statistics'

/**
 * A sample of the rows that were served, as their users: algorithm L (Li 1994), which draws how many rows to pass over, so
 * that nearly every batch costs an addition and a comparison. Each row is as likely as any other to be in it, so users that
 * are read often are in it rather; a user is in it once.
 */
export class Reservoir {
  readonly capacity: number
  readonly #random: SeededRandom
  readonly #users = new Set<string>()
  #seen = 0
  /** The next that is taken, counted from 0. */
  #next = 0
  #weight = 1

  constructor(capacity: number, seed: number) {
    this.capacity = capacity
    this.#random = seededRandom(seed)
  }

  get users(): ReadonlySet<string> {
    return this.#users
  }

  served(users: readonly string[]): void {
    this.#seen += users.length
    if (this.#next < this.#seen) this.#take(users)
  }

  forget(user: string): void {
    this.#users.delete(user)
  }

  #take(users: readonly string[]): void {
    const first = this.#seen - users.length
    while (this.#next < this.#seen) {
      const user = users[this.#next - first]
      if (!this.#users.has(user)) {
        if (this.#users.size >= this.capacity) this.#users.delete(this.#any())
        this.#users.add(user)
      }
      // The first rows are all taken; after them the gaps grow.
      if (this.#next + 1 < this.capacity) this.#next++
      else this.#next += this.#gap()
    }
  }

  #any(): string {
    return [...this.#users][this.#random.nextBelow(this.#users.size)]
  }

  #gap(): number {
    this.#weight *= Math.exp(Math.log(this.#uniform()) / this.capacity)
    return Math.floor(Math.log(this.#uniform()) / Math.log1p(-this.#weight)) + 1
  }

  /** In (0, 1]: its logarithm is finite. */
  #uniform(): number {
    return 1 - this.#random.nextFloat()
  }
}
