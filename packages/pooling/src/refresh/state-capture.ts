import { userFeatures } from '../ingest/ingest-state.ts'
import type { Settings } from '../options/options.ts'
import type { EncoderUse } from './encoder-use.ts'
import { nextTurn } from './event-loop.ts'
import type { Refresh } from './offer-queue.ts'
import type { Encoders } from './row-batch.ts'
import { RowBatches } from './row-batches.ts'

/** States that are read in one turn of the event loop. */
const pieceRows = 32

/** Refreshes whose users' states are being read. */
interface Capturing {
  readonly refreshes: readonly Refresh[]
  /** Users of them that were forgotten meanwhile. */
  readonly forgotten: Set<string>
  done: Promise<void>
}

/** Reads users' states for their refreshes, and keeps them in batches until they are computed. */
export class StateCapture {
  readonly batches: RowBatches
  readonly #settings: Settings
  readonly #use: EncoderUse
  readonly #onFailed: (refreshes: readonly Refresh[]) => void
  readonly #capturing = new Set<Capturing>()

  /** @param onFailed called with the refreshes whose states could not be read, those of users forgotten meanwhile left out */
  constructor(settings: Settings, use: EncoderUse, onFailed: (refreshes: readonly Refresh[]) => void) {
    this.batches = new RowBatches(settings.batchSize, use)
    this.#settings = settings
    this.#use = use
    this.#onFailed = onFailed
  }

  /**
   * Captures refreshes that were taken from the queue; before any encoder is published they come to nothing.
   *
   * @param atMs time as of which the states are read; null: each refresh's due time
   */
  async capture(refreshes: readonly Refresh[], encoders: Encoders, atMs: number | null): Promise<void> {
    if (refreshes.length === 0 || encoders.size === 0) return
    const capturing = { refreshes, forgotten: new Set<string>(), done: Promise.resolve() }
    this.#capturing.add(capturing)
    capturing.done = this.#capture(capturing, encoders, atMs)
    await capturing.done
  }

  /** Takes a user out of what is captured and not taken yet, and of what is being captured. @returns how often they were there */
  drop(user: string): number {
    let dropped = this.batches.drop(user)
    for (const { refreshes, forgotten } of this.#capturing) {
      if (forgotten.has(user) || !refreshes.some((refresh) => refresh.user === user)) continue
      forgotten.add(user)
      dropped++
    }
    return dropped
  }

  /** Resolves once no state of the users is being read: their events wait for that. */
  async settled(users: readonly string[]): Promise<void> {
    const awaited = [...this.#capturing].filter(({ refreshes }) => refreshes.some(({ user }) => users.includes(user)))
    await Promise.all(awaited.map(({ done }) => done))
  }

  /** What rows of users are made of; undefined for those without a state. */
  async readStates(users: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return (await this.#read(users)).states
  }

  /** The same of users whose states can be read now; places of the others are `missing`. */
  readStatesThere(users: readonly string[]) {
    return this.#read(users, 'newest')
  }

  async #read(users: readonly string[], mayMiss?: 'newest') {
    const { store, space } = this.#settings
    const { states, missing } = await store.readStates('user', users, mayMiss)
    return { states: states.map((state) => (state === undefined ? undefined : userFeatures(space, state))), missing }
  }

  async #capture(capturing: Capturing, encoders: Encoders, atMs: number | null): Promise<void> {
    const { refreshes, forgotten } = capturing
    this.#use.begin(encoders)
    try {
      const states: (Uint8Array | undefined)[] = []
      for (let from = 0; from < refreshes.length; from += pieceRows) {
        await nextTurn()
        const slice = refreshes.slice(from, from + pieceRows)
        states.push(...(await this.readStates(slice.map(({ user }) => user))))
      }
      // All or none: where a read fails, all of them are tried again.
      for (const [i, refresh] of refreshes.entries()) {
        const state = states[i]
        if (state === undefined || forgotten.has(refresh.user)) continue
        this.batches.add(encoders, atMs === null ? refresh : { ...refresh, atMs }, state)
      }
    } catch (error) {
      this.#onFailed(refreshes.filter(({ user }) => !forgotten.has(user)))
      throw error
    } finally {
      this.#capturing.delete(capturing)
      this.#use.end(encoders)
    }
  }
}
