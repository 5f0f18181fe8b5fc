/** Runs tasks one after the other, in the order in which they were given. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task)
    // A task that fails is its caller's matter, and the next one runs.
    this.#last = done.catch(() => {})
    return done
  }
}
