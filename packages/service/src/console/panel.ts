/** A panel: users of a tenant whose embeddings are looked at again and again, to see how snapshots move them. */
import type { Pooling } from '@headwater/pooling'
import { servedStatus } from '@headwater/pooling'
import type { Reservoir } from '../figures/reservoir.ts'

/** Snapshots of which a user's embedding is kept, the newest included. */
const keptSnapshots = 4

/** A user's served embedding, when it was last of a snapshot. */
export interface Position {
  readonly snapshot: number
  readonly frame: number
  /** [dim] as it is served: the average, where the policy averages. */
  readonly vector: Float32Array
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
  #lookedMs = Number.NEGATIVE_INFINITY

  /** @param users whom it follows; a sample that changes */
  constructor(users: Reservoir, pooling: Pooling, models: readonly string[]) {
    this.#users = users
    this.#pooling = pooling
    this.#models = models
    this.#positions = new Map(models.map((model) => [model, new Map()]))
  }

  /** When its last look ended, by `performance.now()`. */
  get lookedMs(): number {
    return this.#lookedMs
  }

  /** Positions of each user, oldest first; nobody's name. */
  positions(model: string): readonly (readonly Position[])[] {
    return [...this.#positions.get(model)!.values()]
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
