/** The upstream's own prediction: both towers of a snapshot, with the user's features as of what is served. */
import type { FeatureSpace, SideBatch } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { declareTower, snapshotConfig, Weights, writeWeights } from '@headwater/runtime'
import { readSnapshot } from '@headwater/snapshot'
import { allocateExamples, Scorer, type TrainingBatch } from '@headwater/training'
import type { CaptureEncoder } from './as-of-replay.ts'
import { copyRow } from './copy-row.ts'

/** Keeps users' features themselves. */
export function userRows(space: FeatureSpace): CaptureEncoder<SideBatch> {
  return {
    encode: async (_, batch, users) =>
      users.map((__, row) => {
        const own = space.allocate('user', 1)
        copyRow(space.user, batch, row, own, 0)
        return own
      }),
  }
}

const scoredRows = 512

interface Waiting {
  readonly batch: TrainingBatch
  readonly places: number[]
}

/** Scores rows by the snapshot that made what is served to them, in batches. */
export class UpstreamHeads {
  readonly #space: FeatureSpace
  readonly #scorers: readonly { readonly scorer: Scorer; readonly weights: Weights }[]
  readonly #waiting: readonly Waiting[]
  readonly #logits: Float32Array

  private constructor(space: FeatureSpace, scorers: { scorer: Scorer; weights: Weights }[], logits: Float32Array) {
    this.#space = space
    this.#scorers = scorers
    this.#waiting = scorers.map(() => ({ batch: allocateExamples(space, scoredRows), places: [] }))
    this.#logits = logits
  }

  /** @param logits of the first task, filled by place as rows are scored */
  static async load(
    device: GpuDevice,
    space: FeatureSpace,
    directories: readonly string[],
    logits: Float32Array,
  ): Promise<UpstreamHeads> {
    const scorers: { scorer: Scorer; weights: Weights }[] = []
    for (const directory of directories) {
      const snapshot = await readSnapshot(directory)
      const tower = declareTower(space.user, space.item, space.tasks.length, snapshotConfig(snapshot))
      const weights = new Weights(device, tower.set, false)
      writeWeights(weights, snapshot)
      scorers.push({ scorer: new Scorer(device, tower, weights, scoredRows), weights })
    }
    return new UpstreamHeads(space, scorers, logits)
  }

  /** @param snapshot place of the one that scores the row */
  async add(snapshot: number, user: SideBatch, item: SideBatch, itemRow: number, place: number): Promise<void> {
    const waiting = this.#waiting[snapshot]
    copyRow(this.#space.user, user, 0, waiting.batch.user, waiting.places.length)
    copyRow(this.#space.item, item, itemRow, waiting.batch.item, waiting.places.length)
    waiting.places.push(place)
    if (waiting.places.length === scoredRows) await this.#score(snapshot)
  }

  /** Scores what waits. */
  async finish(): Promise<void> {
    for (const snapshot of this.#waiting.keys()) await this.#score(snapshot)
  }

  async #score(snapshot: number): Promise<void> {
    const { batch, places } = this.#waiting[snapshot]
    if (places.length === 0) return
    const logits = await this.#scorers[snapshot].scorer.score({ ...batch, rows: places.length })
    const tasks = this.#space.tasks.length
    for (const [row, place] of places.entries()) this.#logits[place] = logits[row * tasks]
    places.length = 0
  }

  dispose(): void {
    for (const { scorer, weights } of this.#scorers) {
      scorer.dispose()
      weights.dispose()
    }
  }
}
