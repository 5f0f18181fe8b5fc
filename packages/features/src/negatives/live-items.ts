import { type FieldValue, happened, type LogEvent } from '../events/event.ts'
import type { Schema } from '../schema/schema.ts'
import { schemaDefaults } from '../schema/schema-defaults.ts'

const dayMs = 86_400_000

/** An item that was taken in the window. */
interface LiveItem {
  readonly item: string
  /** Its share of the events in the window. */
  readonly share: number
  /** Of its last event, as the schema's fields. */
  readonly values: LogEvent['values']
}

interface Counted {
  readonly item: string
  events: number
  values: LogEvent['values']
}

/** The items that were taken in the days before a time, by how often; and what a row of another of them would be. */
export class LiveItems {
  readonly #fields: Schema['fields']
  readonly #made: number
  readonly #draws: number
  readonly #windowMs: number
  readonly #items = new Map<string, Counted>()
  /** Events of the window, the oldest at `#from`, with their times. */
  readonly #events: Counted[] = []
  readonly #timesMs: number[] = []
  #from = 0

  /** @param schema with negatives */
  constructor({ fields, negatives }: Schema) {
    const { outcome, items, windowDays = schemaDefaults.windowDays } = negatives!
    this.#fields = fields
    this.#made = fields.findIndex(({ name }) => name === outcome)
    this.#draws = items
    this.#windowMs = windowDays * dayMs
  }

  /** How many items are live. */
  get size(): number {
    return this.#items.size
  }

  get(item: string): LiveItem | null {
    const found = this.#items.get(item)
    return found === undefined ? null : this.#live(found)
  }

  /** The item of an event in the window, so that an item's chance is its share. @param at from 0 to below 1; null where none is live */
  at(at: number): LiveItem | null {
    const events = this.#events.length - this.#from
    return events === 0 ? null : this.#live(this.#events[this.#from + Math.floor(at * events)])
  }

  /** Forgets what lies more than the window before a time. */
  advance(timeMs: number): void {
    for (; this.#from < this.#events.length && this.#timesMs[this.#from] < timeMs - this.#windowMs; this.#from++) {
      const oldest = this.#events[this.#from]
      if (--oldest.events === 0) this.#items.delete(oldest.item)
    }
    if (2 * this.#from <= this.#events.length) return
    this.#events.splice(0, this.#from)
    this.#timesMs.splice(0, this.#from)
    this.#from = 0
  }

  /** @param event of something taken, no earlier than those before it */
  add({ item, timeMs, values }: LogEvent): void {
    const counted = this.#items.get(item) ?? { item, events: 0, values }
    counted.events++
    counted.values = values
    this.#items.set(item, counted)
    this.#events.push(counted)
    this.#timesMs.push(timeMs)
  }

  /**
   * The rows of all that a user could have taken in the place of an event's item, none of them labelled: of the live items but for what
   * else the user took then. The event's own is the first.
   * @param basket what the user took at that time
   */
  candidates(event: LogEvent, basket: ReadonlySet<string>): LogEvent[] {
    const others = [...this.#items.keys()].filter((item) => !basket.has(item))
    return [event.item, ...others].map((item) => {
      const live = this.get(item)!
      const row = this.rowOf(live, event, others.length + 1)
      return { ...row, values: row.values.with(this.#made, null) }
    })
  }

  /** A row of a live item beside that of an event: its own fields as they were last, and the event's user and context. */
  rowOf({ item, share, values: own }: LiveItem, event: LogEvent, live: number): LogEvent {
    const values = this.#fields.map(({ of }, f): FieldValue => {
      if (of === 'outcome') return f === this.#made ? 0 : null
      return of === 'item' ? own[f] : event.values[f]
    })
    const { row, user, timeMs } = event
    return { row, user, item, timeMs, values, draw: { taken: false, expected: this.#draws * share, live } }
  }

  #live({ item, events, values }: Counted): LiveItem {
    return { item, values, share: events / (this.#events.length - this.#from) }
  }
}

/** What each user took among events of one time. */
export function basketsOf(group: readonly LogEvent[]): ReadonlyMap<string, ReadonlySet<string>> {
  const baskets = new Map<string, Set<string>>()
  for (const { user, item } of group.filter(happened)) {
    const own = baskets.get(user) ?? new Set()
    baskets.set(user, own.add(item))
  }
  return baskets
}
