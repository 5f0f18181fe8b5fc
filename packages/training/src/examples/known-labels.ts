/**
 * When labels become known. A task with a delay has the label of an example at the example's time plus the delay; a round
 * knows the labels up to its cut-off, the time of its newest event. Each label is trained on in the first round whose
 * cut-off is not before that: with its example where it is known by then, later by a row of its own, a matured one, in
 * which other tasks weigh nothing. Shape letters: R rows, T tasks.
 */
import type { TrainingBatch } from './training-batch.ts'

/** Ends of two rounds that follow each other, ms since 1970; the first round follows one at −∞. */
export interface RoundSpan {
  readonly previousMs: number
  readonly cutoffMs: number
}

/** Of a batch, what labels are weighed by. */
export type WeighedBatch = Pick<TrainingBatch, 'rows' | 'labelWeights' | 'timeMs'>

/**
 * Gives weight 0 to the labels that a round does not know, and in matured rows to all that it knew before.
 * @param delaysMs [T] @param isMatured whether a row of the batch, by its place, is there for its late labels alone
 */
export function weighLabels(
  { rows, labelWeights, timeMs }: WeighedBatch,
  delaysMs: readonly number[],
  { previousMs, cutoffMs }: RoundSpan,
  isMatured: (row: number) => boolean,
): void {
  const T = delaysMs.length
  for (let r = 0; r < rows; r++) {
    const wasKnownMs = isMatured(r) ? previousMs : Number.NEGATIVE_INFINITY
    for (let t = 0; t < T; t++) {
      const knownMs = timeMs[r] + delaysMs[t]
      if (!(knownMs > wasKnownMs && knownMs <= cutoffMs)) labelWeights[r * T + t] = 0
    }
  }
}

/**
 * Which entries of an order are matured rows: of each such row the first entry. A row may come up again by replay, with
 * all labels that are known.
 */
export function maturedEntries(order: Uint32Array, matured: Uint32Array): Uint8Array {
  const open = new Set(matured)
  return Uint8Array.from(order, (row) => (open.delete(row) ? 1 : 0))
}

interface Block {
  /** Its first row; it ends where the next begins. */
  readonly from: number
  readonly firstMs: number
  readonly lastMs: number
}

/** Reads the times of rows `from … to − 1`, at most as many as were added at once. */
export type ReadTimes = (from: number, to: number) => ArrayLike<number>

/** Finds rows by time, whatever their order: earliest and latest time of each block of rows, the rest on disk. */
export class TimeIndex {
  readonly #blocks: Block[] = []
  #rows = 0

  /** Times of the next rows, one at least. */
  add(timesMs: ArrayLike<number>): void {
    const times = Array.from(timesMs)
    this.#blocks.push({ from: this.#rows, firstMs: Math.min(...times), lastMs: Math.max(...times) })
    this.#rows += times.length
  }

  /** Rows of `from … to − 1`, ascending, whose time plus `delayMs` is after `afterMs` and not after `untilMs`. */
  rows(
    from: number,
    to: number,
    delayMs: number,
    { previousMs: afterMs, cutoffMs: untilMs }: RoundSpan,
    readTimes: ReadTimes,
  ): number[] {
    const found: number[] = []
    const isWithin = (timeMs: number) => timeMs + delayMs > afterMs && timeMs + delayMs <= untilMs
    for (const [i, block] of this.#blocks.entries()) {
      const first = Math.max(from, block.from)
      const end = Math.min(to, this.#blocks[i + 1]?.from ?? this.#rows)
      if (first >= end || block.lastMs + delayMs <= afterMs || block.firstMs + delayMs > untilMs) continue
      const times = isWithin(block.firstMs) && isWithin(block.lastMs) ? null : readTimes(first, end)
      for (let row = first; row < end; row++) if (times === null || isWithin(times[row - first])) found.push(row)
    }
    return found
  }
}
