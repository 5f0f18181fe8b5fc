import type { FeatureSpace, LogEvent, SideBatch } from '@headwater/features'
import type { Catalogue, Item, Values } from './catalogue.ts'
import type { Events, VisitorEvent } from './events.ts'

/**
 * Turns a visitor's events into features, by the code that the server and training use: events change the states of their user and
 * item, and rows are encoded from states.
 */
export class Visitor {
  readonly #space: FeatureSpace
  readonly #catalogue: Catalogue
  readonly #events: Events
  readonly #met = new Set<string>()
  #count = 0
  #state: Uint8Array
  #items: Map<string, Uint8Array>

  private constructor(space: FeatureSpace, catalogue: Catalogue, events: Events) {
    this.#space = space
    this.#catalogue = catalogue
    this.#events = events
    this.#state = space.newUserState()
    this.#items = copies(catalogue)
  }

  /** Who this browser knows from before. States are made again of the events, so that they fit the snapshot of today. */
  static async open(space: FeatureSpace, catalogue: Catalogue, events: Events): Promise<Visitor> {
    const visitor = new Visitor(space, catalogue, events)
    for (const event of await events.all()) visitor.#apply(event)
    return visitor
  }

  /** Events that are known. */
  get count(): number {
    return this.#count
  }

  /** Whether there is an event of this item. */
  hasMet({ id }: Item): boolean {
    return this.#met.has(id)
  }

  /** Keeps an event in this browser, and then in the states. */
  async add(event: VisitorEvent): Promise<void> {
    await this.#events.add(event)
    this.#apply(event)
  }

  async forget(): Promise<void> {
    await this.#events.clear()
    this.#met.clear()
    this.#count = 0
    this.#state = this.#space.newUserState()
    this.#items = copies(this.#catalogue)
  }

  /** @returns one row: the visitor as of a time */
  userRow(nowMs: number): SideBatch {
    const row = this.#space.allocate('user', 1)
    this.#space.encodeUser(row, 0, this.#state, nowMs)
    return row
  }

  /** @param context values of the schema's fields of the request @returns a row for each item */
  itemRows(items: readonly Item[], context: Values, nowMs: number): SideBatch {
    const rows = this.#space.allocate('item', items.length)
    for (const [row, { id, values }] of items.entries())
      this.#space.encodeItem(rows, row, this.#itemState(id), this.#logEvent(id, nowMs, { ...values, ...context }))
    return rows
  }

  #apply({ item, timeMs, values }: VisitorEvent): void {
    this.#space.update(this.#state, this.#itemState(item), this.#logEvent(item, timeMs, values))
    this.#met.add(item)
    this.#count++
  }

  #itemState(id: string): Uint8Array {
    // One that is gone may have been in the catalogue when the visitor met it.
    const state = this.#items.get(id) ?? this.#space.newItemState()
    this.#items.set(id, state)
    return state
  }

  #logEvent(item: string, timeMs: number, values: Values): LogEvent {
    const inOrder = this.#space.schema.fields.map(({ name }) => values[name] ?? null)
    return { row: 0, user: 'visitor', item, timeMs, values: inOrder }
  }
}

const copies = ({ states }: Catalogue) => new Map([...states].map(([id, state]) => [id, state.slice()]))
