/**
 * How coefficients in a served vector e meet an item's vector q in a ranking model: q is given, from the snapshot that made the vector, or
 * the model has vectors of its own, learnt with it; all else is the same.
 *   q' = q B, B from the identity;  s = [m_1·q', …, m_H·q' | intercepts], m_h and intercepts being numbers of e
 *   logits += s γ + q ω;  first hidden layer += s Γ + q Ω
 * γ is 1/H at first, so that the heads' mean is what a score begins as, all behind it zero. Shape letters: R rows, U width of q, H heads.
 */
import type { BagLayout } from '@headwater/features'
import { ridgeScore, ridgeScoreBackward } from '@headwater/kernels'
import {
  declareItemInputs,
  type InputBatch,
  type Linear,
  linearBackward,
  linearForward,
  type ModelRecorder,
  type ParameterSet,
  type Tensor,
} from '@headwater/runtime'
import type { EmbeddingLayout } from '@headwater/snapshot'

/** Of up to four heads: m·q, and then the intercept. */
const scoreColumns = 8

/** What of its inputs a recording has. */
export interface MetItems {
  /** e [R, D] */
  readonly vector: Tensor
  /** q [R, U] as it is given, or the items whose own vectors are looked up. */
  readonly items: Tensor | InputBatch
  /** As large as e, and nobody's: gradients of e, which is not trained. */
  readonly unused: Tensor
}

export type ItemMeeting = ReturnType<typeof declareItemMeeting>

/** @param bag of the items' keys, for vectors of the model's own; null: they are given */
export function declareItemMeeting(
  set: ParameterSet,
  { width: U, heads }: EmbeddingLayout,
  bag: BagLayout | null,
  hidden: number,
  tasks: number,
) {
  const own = bag && declareItemInputs(set, 'met', { dense: [], bags: [bag], sequence: null }, U)
  const bare = (weight: Linear['weight']): Linear => ({ weight, bias: null })
  const identity = Array.from({ length: U * U }, (_, i) => (i % (U + 1) === 0 ? 1 : 0))
  const bilinear = bare(set.declare('met.bilinear', U, U, { values: identity }, { decay: false }))
  const shares = Array.from({ length: scoreColumns * tasks }, () => 1 / heads.length)
  const gamma = bare(set.declare('met.gamma', scoreColumns, tasks, { values: shares }, { decay: false }))
  const omega = bare(set.declare('met.omega', U, tasks, 'zero'))
  const scoresIn = bare(set.declare('met.scores-in', scoreColumns, hidden, 'zero'))
  const vectorIn = bare(set.declare('met.vector-in', U, hidden, 'zero'))

  /** Adds to the first hidden layer's sums, before its activation, and to the logits once `addTo` is called. */
  function forward(rec: ModelRecorder, { vector, items, unused }: MetItems, hiddenSums: Tensor) {
    const R = vector.rows
    const looked = 'storage' in items ? null : own!.forward(rec, items)
    const q = looked?.x ?? (items as Tensor)
    const turned = rec.tensor('turned item vector', R, U)
    linearForward(rec, bilinear, q, turned)
    const scores = rec.tensor('scores of items', R, scoreColumns)
    const shape = {
      ...{ R, H: heads.length, D4: U / 4, qOffset: turned.offset / 4, qRow: turned.stride / 4 },
      ...{ mOffset: (vector.offset + heads[0].coefficients) / 4, mRow: vector.stride / 4 },
    }
    rec.dispatch(ridgeScore, shape, { m: vector, q: turned, y: scores })
    linearForward(rec, scoresIn, scores, hiddenSums)
    linearForward(rec, vectorIn, q, hiddenSums, { accumulate: true })
    return {
      addTo(logits: Tensor) {
        linearForward(rec, gamma, scores, logits, { accumulate: true })
        linearForward(rec, omega, q, logits, { accumulate: true })
      },
      backward(dHiddenSums: Tensor, dLogits: Tensor, penalty: number) {
        const dScores = rec.tensor('gradient of scores of items', R, scoreColumns)
        linearBackward(rec, gamma, scores, dLogits, { into: dScores, accumulate: false })
        linearBackward(rec, scoresIn, scores, dHiddenSums, { into: dScores, accumulate: true })
        const dTurned = rec.tensor('gradient of turned item vector', R, U)
        const places = { dqOffset: dTurned.offset / 4, dqRow: dTurned.stride / 4, accumulate: 0 }
        const given = { m: vector, q: turned, dy: dScores }
        rec.dispatch(ridgeScoreBackward, { ...shape, ...places }, { ...given, dm: unused, dq: dTurned })
        const dq = looked && rec.tensor('gradient of own item vector', R, U)
        const into = (accumulate: boolean) => (dq ? { into: dq, accumulate } : undefined)
        linearBackward(rec, bilinear, q, dTurned, into(false))
        linearBackward(rec, omega, q, dLogits, into(true))
        linearBackward(rec, vectorIn, q, dHiddenSums, into(true))
        if (dq) looked!.backward(dq, penalty)
      },
    }
  }
  return { needs: own?.needs ?? null, forward }
}
