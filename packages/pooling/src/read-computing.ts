export interface ReadComputingOptions {
  /** Lands users' embeddings; never rejected. */
  readonly compute: (users: readonly string[]) => Promise<void>
  /** That wait for their batch to begin. */
  readonly mostUsers: number
  /** Told how many users of a read found no place. */
  readonly shed: (count: number) => void
}

/**
 * Computes the users of reads that are under way, in micro-batches: reads of one turn of the event loop share one, and those
 * that come while it is computed share the next, which has so many users at most: those beyond are shed, and served what is
 * stored.
 */
export class ReadComputing {
  readonly #options: ReadComputingOptions
  #running: Promise<void> = Promise.resolve()
  #next: { readonly users: Set<string>; readonly done: Promise<void> } | null = null

  constructor(options: ReadComputingOptions) {
    this.#options = options
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
    const { users: waiting, done } = this.#next
    const { mostUsers, shed } = this.#options
    let joined = 0
    for (const user of users) {
      if (waiting.size >= mostUsers && !waiting.has(user)) continue
      waiting.add(user)
      joined++
    }
    if (joined < users.length) shed(users.length - joined)
    return joined > 0 ? done : Promise.resolve()
  }

  #open() {
    const users = new Set<string>()
    const done = this.#running
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(() => {
        this.#next = null
        return this.#options.compute([...users])
      })
    this.#running = done
    return { users, done }
  }
}
