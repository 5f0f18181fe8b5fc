/**
 * A log replayed as live traffic without a store: for each row what its user's served embedding was made of, by the rules
 * of `@headwater/pooling` on log time. Embeddings are computed in large batches behind the rows that read them, so that
 * many serving policies can be compared over one log; a test holds them, bit for bit, against what the store serves.
 */
import { type FeatureSpace, happened, type LogEvent, Replay, type SideBatch } from '@headwater/features'
import { AsOfError } from '@headwater/pooling'
import { inBlocks, type ReplayedBlock } from './blocks.ts'
import { batchFeatureMs, type ServingPolicy } from './serving-policy.ts'

/** One computation of a user's embedding. */
export interface Capture<Value> {
  /** Place of its snapshot among the publications. */
  readonly snapshot: number
  /** As of when its features were read. */
  readonly featureTimeMs: number
  /** Set once the block that holds its row is given out. */
  value: Value | null
}

/** What a snapshot, or a control in its place, makes of users' features. */
export interface CaptureEncoder<Value> {
  /** @param users of the batch's rows */
  encode(snapshot: number, batch: SideBatch, users: readonly string[]): Promise<readonly Value[]>
}

/** What learns along the log in the encoder's place, and is asked for its value at the moment of a capture. */
export interface CaptureLearner<Value> {
  /** Rows of one time, when all rows of their time were served. */
  ingest(group: readonly LogEvent[]): void
  /** @param snapshot place of the latest publication */
  take(snapshot: number, user: string): Value
}

export interface ReplayOptions {
  readonly policy: ServingPolicy
  /** From this time on nothing is computed any more: what is held is served for good. Default: never. */
  readonly frozenFromMs?: number
  /** Embeddings of different snapshots that are kept a user, the newest first. */
  readonly slots: number
  readonly space: FeatureSpace
  readonly log: { events(): AsyncIterable<LogEvent[]> }
  /** Time of the last event before each publication, ascending. */
  readonly publishedMs: readonly number[]
  /** Events that reach the users' states; rows of others are served and then forgotten. Default: all. */
  readonly ingests?: (event: LogEvent) => boolean
  /** Users of whom embeddings are computed and held. Default: all. */
  readonly serves?: (user: string) => boolean
  /** From when on `encodes` counts. Default: from the first. */
  readonly countedFromMs?: number
  /** Rows of which the blocks tell all that could have been taken. Default: none. */
  readonly chosen?: ReadonlySet<number>
  readonly signal?: AbortSignal | undefined
}

interface UserState<Value> {
  held: readonly Capture<Value>[]
  /** When the last refresh that was offered can be read; NaN where none waits. */
  landsMs: number
  /** Time of the first event that reached the user's state. */
  readonly knownFromMs: number
}

interface Pending<Value> {
  readonly snapshot: number
  readonly batch: SideBatch
  readonly users: string[]
  readonly captures: Capture<Value>[]
}

const encodedRows = 512

export class AsOfReplay<Value> {
  readonly #options: ReplayOptions
  readonly #encoder: CaptureEncoder<Value> | CaptureLearner<Value>
  readonly #replay: Replay
  readonly #users = new Map<string, UserState<Value>>()
  #pending: Pending<Value>[] = []
  readonly #free: SideBatch[] = []
  #boundaryMs = Number.NEGATIVE_INFINITY
  #encodes = 0

  constructor(options: ReplayOptions, encoder: CaptureEncoder<Value> | CaptureLearner<Value>) {
    this.#options = options
    this.#encoder = encoder
    this.#replay = new Replay(options.space)
  }

  /** Embeddings that a service under this policy would have computed, whether or not they were read. */
  get encodes(): number {
    return this.#encodes
  }

  /** Users that a service would hold an embedding of at the log's end. */
  get users(): number {
    return this.#users.size
  }

  /**
   * Blocks with what is held of each row's user, the newest snapshot first; empty where nothing is.
   * @throws AsOfError where a row would be served what was not known strictly before it
   */
  blocks(): AsyncGenerator<ReplayedBlock<readonly Capture<Value>[]>> {
    const { log, space, signal, chosen } = this.#options
    const source = {
      serve: (group: readonly LogEvent[]) => this.#serve(group),
      held: (event: LogEvent) => this.#asOf(event),
      ingest: (group: readonly LogEvent[]) => this.#ingest(group),
      settle: () => this.#encode(),
    }
    return inBlocks(space, log, this.#replay, source, signal, chosen)
  }

  /** Brings what is held of the group's users to where the policy has it when they are read. */
  #serve(group: readonly LogEvent[]): void {
    const { policy, frozenFromMs = Number.POSITIVE_INFINITY, publishedMs } = this.#options
    const { timeMs } = group[0]
    const first = publishedMs[0]
    if (policy.kind === 'batch') this.#countBatches(timeMs, policy.everyMs)
    const seen = new Set<string>()
    for (const { user: name } of group) {
      if (seen.has(name)) continue
      seen.add(name)
      const user = this.#users.get(name)
      if (user === undefined || !(first < timeMs)) continue
      if (policy.kind === 'synchronous') {
        this.#count(timeMs, 1)
        // What is known at this moment was known just before it.
        if (timeMs < frozenFromMs) this.#capture(name, user, timeMs - 1)
      } else if (policy.kind === 'batch') {
        const atMs = batchFeatureMs(Math.min(timeMs, frozenFromMs), policy.everyMs)
        const isNew = user.held.length === 0 || user.held[0].featureTimeMs < atMs
        if (isNew && atMs >= Math.max(first, user.knownFromMs)) this.#capture(name, user, atMs)
      } else {
        this.#refresh(name, user, timeMs, frozenFromMs)
      }
    }
  }

  #refresh(name: string, user: UserState<Value>, timeMs: number, frozenFromMs: number): void {
    const first = this.#options.publishedMs[0]
    // All known users are computed when the first snapshot is published.
    if (user.held.length === 0 && user.knownFromMs <= first) {
      this.#capture(name, user, first)
      this.#count(first, 1)
    }
    const { landsMs } = user
    if (!(landsMs < timeMs)) return
    user.landsMs = Number.NaN
    if (landsMs >= first && landsMs < frozenFromMs) this.#capture(name, user, landsMs)
  }

  #countBatches(timeMs: number, everyMs: number): void {
    const boundary = batchFeatureMs(timeMs, everyMs)
    if (boundary === this.#boundaryMs) return
    this.#boundaryMs = boundary
    if (boundary >= this.#options.publishedMs[0]) this.#count(timeMs, this.#users.size)
  }

  #count(atMs: number, encodes: number): void {
    const { countedFromMs = Number.NEGATIVE_INFINITY, frozenFromMs = Number.POSITIVE_INFINITY } = this.#options
    if (atMs >= countedFromMs && atMs < frozenFromMs) this.#encodes += encodes
  }

  #capture(name: string, user: UserState<Value>, atMs: number): void {
    const { publishedMs, slots, space } = this.#options
    const snapshot = publishedMs.findLastIndex((ms) => ms <= atMs)
    if (snapshot < 0) return
    const capture: Capture<Value> = { snapshot, featureTimeMs: atMs, value: null }
    if ('take' in this.#encoder) capture.value = this.#encoder.take(snapshot, name)
    else {
      const pending = this.#pendingOf(snapshot)
      space.encodeUser(pending.batch, pending.users.length, this.#replay.userState(name), atMs)
      pending.users.push(name)
      pending.captures.push(capture)
    }
    user.held = [capture, ...user.held.filter((other) => other.snapshot !== snapshot)].slice(0, slots)
  }

  #pendingOf(snapshot: number): Pending<Value> {
    const open = this.#pending.find((own) => own.snapshot === snapshot && own.users.length < encodedRows)
    if (open !== undefined) return open
    const batch = this.#free.pop() ?? this.#options.space.allocate('user', encodedRows)
    const pending = { snapshot, batch, users: [], captures: [] }
    this.#pending.push(pending)
    return pending
  }

  async #encode(): Promise<void> {
    if ('take' in this.#encoder) return
    const due = this.#pending
    this.#pending = []
    for (const { snapshot, batch, users, captures } of due) {
      const values = await this.#encoder.encode(snapshot, { ...batch, rows: users.length }, users)
      for (const [i, capture] of captures.entries()) capture.value = values[i]
      this.#free.push(batch)
    }
  }

  #asOf({ user: name, timeMs, row }: LogEvent): readonly Capture<Value>[] {
    const held = this.#users.get(name)?.held ?? []
    const { publishedMs } = this.#options
    for (const { featureTimeMs, snapshot } of held) {
      if (featureTimeMs < timeMs && publishedMs[snapshot] < timeMs) continue
      const told = `features of ${featureTimeMs}, data up to ${publishedMs[snapshot]}`
      throw new AsOfError(`row ${row}: ${told} are not strictly before ${timeMs}`)
    }
    return held
  }

  #ingest(group: readonly LogEvent[]): void {
    const { policy, ingests, serves, publishedMs } = this.#options
    const taken = ingests === undefined ? group : group.filter(ingests)
    this.#replay.ingest(taken)
    if ('take' in this.#encoder && taken.length > 0) this.#encoder.ingest(taken)
    // No other event offers a refresh.
    for (const { user: name, timeMs } of taken.filter(happened)) {
      if (serves !== undefined && !serves(name)) continue
      const user = this.#users.get(name) ?? { held: [], landsMs: Number.NaN, knownFromMs: timeMs }
      this.#users.set(name, user)
      // The last refresh knows an event that came before it was computed.
      if (policy.kind !== 'asynchronous' || timeMs <= user.landsMs) continue
      user.landsMs = timeMs + policy.refreshDelayMs
      if (user.landsMs >= publishedMs[0]) this.#count(user.landsMs, 1)
    }
  }
}
