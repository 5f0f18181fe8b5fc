/**
 * Which users snapshots are compared on: a sample stratified by activity, drawn while examples stream by in bounded memory.
 *
 * A user's priority is a keyed hash, and the pool keeps the users of lowest priority (bottom-k sampling: Cohen and Kaplan
 * 2007, "Summarizing data using bottom-k sketches"). Who is among them at the end was among them from the first event on,
 * so counts and newest rows are exact, and the choice depends on seed and users alone, not on the order of events.
 */
import { murmur3 } from '@headwater/features'
import { panelUserHash, panelUserText } from '@headwater/snapshot'

/** Users kept in the pool for one in the panel: enough that the most active stratum, few users by nature, is filled. */
const poolFactor = 16
const strata = 8

interface Member {
  events: number
  /** Its newest example. */
  row: number
  /** By which its row is found again where it is forgotten. */
  readonly hash: readonly [number, number]
}

/** U users. */
export interface PanelRows {
  /** [U] the newest example of each, ascending. */
  readonly rows: Uint32Array
  /** [U, 2] whose they are, as `panelUserHash` gives it. */
  readonly users: Uint32Array
}

/** Uniform in [0, 2⁵³) for a seed; two 32-bit hashes, so that two users hardly ever share one. */
function priorityOf(user: string, seed: number): number {
  return murmur3(user, seed) * 2 ** 21 + (murmur3(user, seed ^ 0x5bd1e995) >>> 11)
}

/** Follows users by a hash of their key; the key itself is not kept. */
export class PanelSampler {
  readonly #seed: number
  readonly #size: number
  readonly #capacity: number
  #pool = new Map<number, Member>()
  /** Priorities from here on are out. */
  #bound = Number.POSITIVE_INFINITY
  /** As `panelUserText` gives them. */
  readonly #forgotten = new Set<string>()

  /** @param size users in the panel, at most */
  constructor(size: number, seed: number) {
    this.#size = size
    this.#seed = seed
    this.#capacity = size * poolFactor
  }

  /** @param row the number of the user's example, larger than those before */
  observe(user: string, row: number): void {
    const priority = priorityOf(user, this.#seed)
    if (priority >= this.#bound) return
    const member = this.#pool.get(priority)
    if (member) {
      member.events++
      member.row = row
      return
    }
    const hash = panelUserHash(user)
    if (this.#forgotten.has(panelUserText(hash))) return
    this.#pool.set(priority, { events: 1, row, hash })
    // Pruning at twice the size costs a sort once in `capacity` new users.
    if (this.#pool.size >= 2 * this.#capacity) this.#prune()
  }

  /**
   * Lets go of users, whose later examples are passed over: what they are encoded from knows of the earlier ones.
   * @param users as `panelUserText` gives them
   */
  forget(users: ReadonlySet<string>): void {
    const fresh = [...users].filter((user) => !this.#forgotten.has(user))
    if (fresh.length === 0) return
    for (const user of fresh) this.#forgotten.add(user)
    for (const [priority, { hash }] of this.#pool) {
      if (this.#forgotten.has(panelUserText(hash))) this.#pool.delete(priority)
    }
  }

  #prune(): void {
    if (this.#pool.size <= this.#capacity) return
    const priorities = Float64Array.from(this.#pool.keys()).sort()
    this.#bound = priorities[this.#capacity]
    for (const priority of priorities.subarray(this.#capacity)) this.#pool.delete(priority)
  }

  /**
   * The newest example of each panel user. Users are sorted by activity and cut into eight strata that hold
   * equal parts of all events, and each stratum gives equally many users, chosen at random. So the few users that cause
   * most of the traffic and the many that cause little both weigh in.
   */
  rows(): PanelRows {
    this.#prune()
    const users = [...this.#pool]
      .map(([priority, member]) => ({ priority, ...member }))
      .sort((a, b) => a.events - b.events || a.priority - b.priority)
    const total = users.reduce((sum, { events }) => sum + events, 0)
    const groups: (typeof users)[] = Array.from({ length: strata }, () => [])
    let before = 0
    for (const user of users) {
      groups[Math.floor(((before + user.events / 2) / total) * strata)].push(user)
      before += user.events
    }
    const chosen: Member[] = []
    // The smallest stratum first: what it cannot fill, the others do.
    for (const [i, group] of groups.sort((a, b) => a.length - b.length).entries()) {
      const quota = Math.round((this.#size - chosen.length) / (strata - i))
      group.sort((a, b) => a.priority - b.priority)
      chosen.push(...group.slice(0, quota))
    }
    chosen.sort((a, b) => a.row - b.row)
    return {
      rows: Uint32Array.from(chosen, ({ row }) => row),
      users: Uint32Array.from(chosen.flatMap(({ hash }) => hash)),
    }
  }
}
