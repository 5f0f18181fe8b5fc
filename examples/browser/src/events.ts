import type { Values } from './catalogue.ts'

/** What a visitor did, as this browser keeps it: by names, so that it outlives a schema. */
export interface VisitorEvent {
  readonly item: string
  readonly timeMs: number
  /** By the schema's fields. */
  readonly values: Values
}

/** A visitor's events in IndexedDB, oldest first. Nothing else leaves the page's memory. */
export class Events {
  readonly #database: IDBDatabase

  private constructor(database: IDBDatabase) {
    this.#database = database
  }

  static async open(): Promise<Events> {
    const request = indexedDB.open('headwater', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('events', { autoIncrement: true })
    return new Events(await settled(request))
  }

  all(): Promise<readonly VisitorEvent[]> {
    return settled(this.#store('readonly').getAll())
  }

  async add(event: VisitorEvent): Promise<void> {
    await settled(this.#store('readwrite').add(event))
  }

  async clear(): Promise<void> {
    await settled(this.#store('readwrite').clear())
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction('events', mode).objectStore('events')
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
