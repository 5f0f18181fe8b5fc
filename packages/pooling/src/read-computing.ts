/**
 * Computes the users of reads that are under way, in micro-batches: reads of one turn of the event loop share one, and those
 * that come while it is computed share the next.
 */
export class ReadComputing {
  readonly #compute: (users: readonly string[]) => Promise<void>
  #running: Promise<void> = Promise.resolve()
  #next: { readonly users: Set<string>; readonly done: Promise<void> } | null = null

  /** @param compute lands users' embeddings; never rejected */
  constructor(compute: (users: readonly string[]) => Promise<void>) {
    this.#compute = compute
  }

  /** Resolves once all users have been computed, or `deadlineMs` later. */
  async within(deadlineMs: number, users: readonly string[]): Promise<void> {
    const done = this.#join(users)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([done, late])
    clearTimeout(timer)
  }

  /** Ends the computing that is under way. */
  async close(): Promise<void> {
    await this.#running
  }

  #join(users: readonly string[]): Promise<void> {
    this.#next ??= this.#open()
    for (const user of users) this.#next.users.add(user)
    return this.#next.done
  }

  #open() {
    const users = new Set<string>()
    const done = this.#running
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(() => {
        this.#next = null
        return this.#compute([...users])
      })
    this.#running = done
    return { users, done }
  }
}
