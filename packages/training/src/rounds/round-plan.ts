/** What a round trains on, and in which order. Pure but for reading the times of rows. Shape letters: T tasks. */
import type { SeededRandom } from '@headwater/statistics'
import { maturedEntries, type ReadTimes, type RoundSpan, type TimeIndex } from '../examples/known-labels.ts'
import { blockShuffled, withReplay } from './orders.ts'

/** One pass. */
export interface RoundOrder {
  /** Numbers of examples. */
  readonly rows: Uint32Array
  /** 1 for entries that are there for labels which became known since the last round; null: none is. */
  readonly matured: Uint8Array | null
}

export interface RoundInput {
  /** Examples before this one were in earlier rounds. */
  readonly trained: number
  /** Examples from this one on are held back. */
  readonly end: number
  /** Passes over all of them in a round without predecessors; 0: one has gone before, and is replayed. */
  readonly firstEpochs: number
  readonly span: RoundSpan
  /** [T] */
  readonly delaysMs: readonly number[]
  readonly times: TimeIndex
  readonly readTimes: ReadTimes
  readonly random: SeededRandom
}

/**
 * The passes of a round: several over all in the first; later one over the new rows, those with labels that matured, and
 * as many old ones. A row of which no label is known yet is left for the round in which one is.
 */
export function planRound(input: RoundInput): RoundOrder[] {
  const { trained, end, firstEpochs, span, delaysMs, times, readTimes, random } = input
  const soonestMs = Math.min(...delaysMs)
  const sofar = { ...span, previousMs: Number.NEGATIVE_INFINITY }
  const known = soonestMs > 0 ? times.rows(trained, end, soonestMs, sofar, readTimes) : null
  if (firstEpochs > 0) {
    const isKnown = known && new Set(known)
    return Array.from({ length: firstEpochs }, () => {
      const order = blockShuffled(trained, end, random)
      return { rows: isKnown ? order.filter((row) => isKnown.has(row)) : order, matured: null }
    })
  }
  const fresh = known ?? Array.from({ length: end - trained }, (_, i) => trained + i)
  const late = new Set<number>()
  for (const delayMs of new Set(delaysMs))
    if (delayMs > 0) for (const row of times.rows(0, trained, delayMs, span, readTimes)) late.add(row)
  const matured = Uint32Array.from(late)
  const rows = withReplay(Uint32Array.from([...fresh, ...matured]), trained, random)
  return [{ rows, matured: late.size > 0 ? maturedEntries(rows, matured) : null }]
}
