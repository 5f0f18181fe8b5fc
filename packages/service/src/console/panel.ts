/** A panel: users of a tenant whose embeddings are looked at again and again, to see how snapshots move them. */
import { type Pooling, servedStatus } from '@headwater/pooling'
import type { Reservoir } from '../figures/reservoir.ts'
import type { DriftMap } from './console-messages.ts'
import { driftMap, type Position } from './drift-map.ts'

/** Snapshots of which a user's embedding is kept, the newest included. */
const keptSnapshots = 4

/** Its users are looked at again no sooner, however often a map is asked for. */
const atLeastMs = 2_000

/** A map that is made, or was, of one look. */
interface MadeMap {
  readonly lookedMs: number
  readonly made: ReturnType<typeof driftMap>
}

export class Panel {
  readonly #users: Reservoir
  readonly #pooling: Pooling
  readonly #models: readonly string[]
  /** By model, then user: the last positions, the newest last. */
  readonly #positions: ReadonlyMap<string, Map<string, Position[]>>
  #looking: Promise<void> | null = null
  /** While it looks: a user that is forgotten meanwhile must not come back. */
  readonly #forgotten = new Set<string>()
  /** When its last look ended, by `performance.now()`. */
  #lookedMs = Number.NEGATIVE_INFINITY
  readonly #maps = new Map<string, MadeMap>()

  /** @param users whom it follows; a sample that changes */
  constructor(users: Reservoir, pooling: Pooling, models: readonly string[]) {
    this.#users = users
    this.#pooling = pooling
    this.#models = models
    this.#positions = new Map(models.map((model) => [model, new Map()]))
  }

  /** Positions of each user, oldest first; nobody's name. */
  positions(model: string): readonly (readonly Position[])[] {
    return [...this.#positions.get(model)!.values()]
  }

  /** Where a model's snapshots have moved its users. @throws errors of the store */
  async drift(model: string): Promise<DriftMap> {
    if (performance.now() - this.#lookedMs >= atLeastMs) await this.look()
    const last = this.#maps.get(model)
    if (last?.lookedMs === this.#lookedMs) return (await last.made).map
    // Its axes are turned towards those of the map before.
    const make = async () => driftMap(model, this.positions(model), (await last?.made.catch(() => undefined))?.axes)
    const made = make()
    this.#maps.set(model, { lookedMs: this.#lookedMs, made })
    return (await made).map
  }

  /** Reads its users' embeddings, in one read of the store. @throws errors of the store */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
      this.#forgotten.clear()
    })
    return this.#looking
  }

  /** @returns how many of the user's embeddings it held */
  forget(user: string): number {
    if (this.#looking !== null) this.#forgotten.add(user)
    this.#users.forget(user)
    let held = 0
    for (const positions of this.#positions.values()) {
      held += positions.get(user)?.length ?? 0
      positions.delete(user)
    }
    if (held > 0) this.#maps.clear()
    return held
  }

  async #look(): Promise<void> {
    const users = [...this.#users.users]
    const served = users.length === 0 ? null : await this.#pooling.look(users, this.#models)
    for (const [model, positions] of this.#positions) {
      for (const user of positions.keys()) if (!this.#users.users.has(user)) positions.delete(user)
      const columns = served?.models.find((each) => each.model === model)
      if (columns === undefined) continue
      const { dim, vectors, status, snapshot, frame } = columns
      for (const [row, user] of users.entries()) {
        if (this.#forgotten.has(user) || !this.#users.users.has(user)) continue
        if (status[row] === servedStatus.default) {
          positions.delete(user)
          continue
        }
        const vector = vectors.slice(row * dim, (row + 1) * dim)
        const others = (positions.get(user) ?? []).filter((each) => each.snapshot !== snapshot[row])
        positions.set(user, [...others, { snapshot: snapshot[row], frame: frame[row], vector }].slice(-keptSnapshots))
      }
    }
    this.#lookedMs = performance.now()
  }
}
