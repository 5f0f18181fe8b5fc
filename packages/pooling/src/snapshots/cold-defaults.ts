import { batchRows, type FeatureSpace } from '@headwater/features'
import type { Encoder } from '../contracts/encoder.ts'
import { SnapshotRefusedError } from '../contracts/errors.ts'
import type { Clock, ModelRule } from '../options/options.ts'

/** Segments that get a default of their own; users of others get the default of all. */
export const maxSegments = 1_000
/** A segment that nobody has named for as long makes room at the next snapshot. */
const keptMs = 86_400_000
/** From a failure to compute defaults to the next try. */
const retryMs = 1_000

/**
 * What a model serves to users of whom nothing is held: the tower's own embedding of a user without events, which training
 * on users' first rows has calibrated, for each segment with that field set. It is of the latest snapshot, so of the frame
 * that new embeddings have.
 */
export class ColdDefaults {
  readonly #space: FeatureSpace
  readonly #rule: ModelRule
  readonly #batchRows: number
  /** When each was named last. */
  readonly #segments = new Map<string, number>()
  #encoder: Encoder | null = null
  /** Somebody is to call `complete`. */
  #isDue = false
  #retryMs = Number.NEGATIVE_INFINITY
  #vectors: ReadonlyMap<string | null, Float32Array>

  constructor(space: FeatureSpace, rule: ModelRule, batchRows: number) {
    this.#space = space
    this.#rule = rule
    this.#batchRows = batchRows
    this.#vectors = new Map([[null, rule.defaultVector ?? new Float32Array(rule.dim)]])
  }

  /** [dim]; it is not to be changed. */
  vectorOf(segment: string | null): Float32Array {
    return this.#vectors.get(segment) ?? this.#vectors.get(null)!
  }

  /** Notes that a segment was named. @returns whether its default is missing, so that `complete` is to be called */
  learn(segment: string, nowMs: number): boolean {
    if (this.#rule.segmentField === null) return false
    if (!this.#segments.has(segment) && this.#segments.size >= maxSegments) return false
    this.#segments.set(segment, nowMs)
    if (this.#encoder === null || this.#vectors.has(segment) || this.#isDue || nowMs < this.#retryMs) return false
    this.#isDue = true
    return true
  }

  /** Makes the defaults those of an encoder. @throws SnapshotRefusedError, with those from before left */
  async publish(encoder: Encoder, nowMs: number): Promise<void> {
    if (this.#rule.defaultVector !== null) return
    for (const [segment, namedMs] of this.#segments) if (namedMs < nowMs - keptMs) this.#segments.delete(segment)
    this.#vectors = new Map(await this.#compute(encoder, [null, ...this.#segments.keys()], nowMs))
    this.#encoder = encoder
    this.#retryMs = Number.NEGATIVE_INFINITY
  }

  /** Computes the defaults that are missing. @throws SnapshotRefusedError, what the encoder throws; a later `learn` asks again */
  async complete(clock: Clock): Promise<void> {
    if (!this.#isDue) return
    this.#isDue = false
    const encoder = this.#encoder
    const missing = [...this.#segments.keys()].filter((segment) => !this.#vectors.has(segment))
    if (encoder === null || missing.length === 0) return
    try {
      const more = await this.#compute(encoder, missing, clock.now())
      if (this.#encoder === encoder) this.#vectors = new Map([...this.#vectors, ...more])
    } catch (error) {
      // Another encoder that was published meanwhile has not failed.
      if (this.#encoder === encoder) {
        this.#retryMs = clock.now() + retryMs
        this.#isDue = false
      }
      throw error
    }
  }

  async #compute(
    encoder: Encoder,
    segments: readonly (string | null)[],
    nowMs: number,
  ): Promise<readonly [string | null, Float32Array][]> {
    const { name, dim, segmentField } = this.#rule
    const memory = this.#space.allocate('user', Math.min(this.#batchRows, segments.length))
    const computed: [string | null, Float32Array][] = []
    for (let from = 0; from < segments.length; from += memory.rows) {
      const part = segments.slice(from, from + memory.rows)
      for (const [row, segment] of part.entries()) {
        const state = this.#space.newUserState()
        if (segment !== null && segmentField !== null) this.#space.putFields(state, { [segmentField]: segment }, nowMs)
        this.#space.encodeUser(memory, row, state, nowMs)
      }
      const rows = batchRows(this.#space.user, memory, 0, part.length)
      const vectors = await encoder.encode(
        rows,
        part.map(() => ''),
      )
      if (vectors.length !== part.length * dim || !vectors.every(Number.isFinite)) {
        throw new SnapshotRefusedError(
          `snapshot ${encoder.snapshot} of model "${name}" gives a user without events no vector of ${dim} finite numbers; ` +
            'publish another one',
        )
      }
      for (const [row, segment] of part.entries()) computed.push([segment, vectors.slice(row * dim, (row + 1) * dim)])
    }
    return computed
  }
}
