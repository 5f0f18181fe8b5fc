import type { Settings } from '../options/options.ts'

/** Of one model. */
interface Queue {
  running: Promise<void>
  next: { readonly users: Set<string>; readonly done: Promise<void> } | null
}

/**
 * Computes the users of reads that are under way, each model for itself, so that none waits for a slower one. Reads of one
 * turn of the event loop share a micro-batch, and those that come while it is computed share the next, which has so many
 * users at most: those beyond are shed, and served what is stored.
 */
export class ReadComputing {
  readonly #settings: Settings
  readonly #compute: (model: string, users: readonly string[]) => Promise<void>
  readonly #queues: ReadonlyMap<string, Queue>

  /** @param compute writes a model's embeddings of users; never rejected. Models are computed beside each other, each one call at a time */
  constructor(settings: Settings, compute: (model: string, users: readonly string[]) => Promise<void>) {
    this.#settings = settings
    this.#compute = compute
    const queueOf = (): Queue => ({ running: Promise.resolve(), next: null })
    this.#queues = new Map([...settings.rules.keys()].map((model) => [model, queueOf()]))
  }

  /** Resolves once all users have been computed for the models, which are known ones, or `deadlineMs` later. */
  async within(deadlineMs: number, users: readonly string[], models: readonly string[]): Promise<void> {
    const done = Promise.all(models.map((model) => this.#join(model, users)))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs)
    })
    await Promise.race([done, late])
    clearTimeout(timer)
  }

  /** Ends the computing that is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ running }) => running))
  }

  #join(model: string, users: readonly string[]): Promise<void> {
    const queue = this.#queues.get(model)!
    queue.next ??= this.#open(model, queue)
    const { users: waiting, done } = queue.next
    const { maxQueue, counters } = this.#settings
    let joined = 0
    for (const user of users) {
      if (waiting.size >= maxQueue && !waiting.has(user)) continue
      waiting.add(user)
      joined++
    }
    counters.shed += users.length - joined
    return joined > 0 ? done : Promise.resolve()
  }

  #open(model: string, queue: Queue) {
    const users = new Set<string>()
    const done = queue.running
      .then(() => new Promise<void>((resolve) => setImmediate(resolve)))
      .then(() => {
        queue.next = null
        return this.#compute(model, [...users])
      })
    queue.running = done
    return { users, done }
  }
}
