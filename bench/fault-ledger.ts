/** What callers were told of their events, against what is kept in the end. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Client, ClientError } from '@headwater/client'

/** Fewer than the ids that a user's state keeps: one that is sent again is known. */
const eventsAUser = 40
/** Between two events of a writer. */
const paceMs = 20
/** How long an event is sent again and again. */
const patienceMs = 600_000

export interface LedgerFigures {
  readonly users: number
  readonly acknowledged: number
  /** Events that were not acknowledged in ten minutes: they may be there or not. */
  readonly unknown: number
  /** Sent again after an error. */
  readonly retries: number
  /** Acknowledged, and not there. */
  readonly lost: number
  /** There more than once, or never sent. */
  readonly doubled: number
  /** Errors that callers got, by name and code. */
  readonly errors: Readonly<Record<string, number>>
}

export class Ledger {
  /** Ids by user. */
  readonly acknowledged = new Map<string, string[]>()
  /** Id by user: sent, and not acknowledged yet. */
  readonly unknown = new Map<string, string>()
  readonly #errors: Record<string, number> = {}
  #retries = 0

  get users(): readonly string[] {
    return [...new Set([...this.acknowledged.keys(), ...this.unknown.keys()])]
  }

  /**
   * Sends one event after the other, each under its id until it is acknowledged.
   *
   * @param clientOf of the n-th try of them all
   * @param isOver no new event is begun
   */
  async write(name: string, clientOf: (tries: number) => Client, isOver: () => boolean): Promise<void> {
    let tries = 0
    for (let n = 0; !isOver(); n++) {
      const user = `${name}-${Math.floor(n / eventsAUser)}`
      const id = `${name}-e${n}`
      this.unknown.set(user, id)
      if (!(await this.#send(() => clientOf(tries++), user, id))) return
      this.unknown.delete(user)
      const known = this.acknowledged.get(user)
      if (known === undefined) this.acknowledged.set(user, [id])
      else known.push(id)
      await wait(paceMs)
    }
  }

  /** @returns whether it was acknowledged */
  async #send(nextClient: () => Client, user: string, id: string): Promise<boolean> {
    const endMs = performance.now() + patienceMs
    // An item of its own: writers do not wait for each other's.
    const event = { users: [user], items: [`of ${user}`], ids: [id], timesMs: [Date.now()], fields: { seconds: [80] } }
    for (;;) {
      try {
        await nextClient().ingest(event)
        return true
      } catch (error) {
        if (!(error instanceof ClientError)) throw error
        const name = `${error.name} ${error.code ?? ''}`.trim()
        this.#errors[name] = (this.#errors[name] ?? 0) + 1
        if (performance.now() > endMs) return false
        this.#retries++
        await wait(error.retryAfterMs ?? 100)
      }
    }
  }

  /** @param held how many events are kept of each user */
  settleByUser(held: ReadonlyMap<string, number>): LedgerFigures {
    let [lost, doubled] = [0, 0]
    for (const user of this.users) {
      const known = this.acknowledged.get(user)?.length ?? 0
      const count = held.get(user) ?? 0
      lost += Math.max(0, known - count)
      doubled += Math.max(0, count - known - (this.unknown.has(user) ? 1 : 0))
    }
    return this.#figures(lost, doubled)
  }

  /** @param held how often each id is kept */
  settleById(held: ReadonlyMap<string, number>): LedgerFigures {
    const acknowledged = [...this.acknowledged.values()].flat()
    const sent = new Set([...acknowledged, ...this.unknown.values()])
    const lost = acknowledged.filter((id) => !held.has(id)).length
    const doubled = [...held].reduce((sum, [id, count]) => sum + count - (sent.has(id) ? 1 : 0), 0)
    return this.#figures(lost, doubled)
  }

  #figures(lost: number, doubled: number): LedgerFigures {
    return {
      users: this.users.length,
      acknowledged: [...this.acknowledged.values()].reduce((sum, ids) => sum + ids.length, 0),
      unknown: this.unknown.size,
      retries: this.#retries,
      lost,
      doubled,
      errors: this.#errors,
    }
  }
}
