/**
 * Where a ridge memory meets the item: logits += [m_1·q, …, m_H·q | intercepts] γ, of coefficients m_h in the embeddings and the item's
 * vector q, which is that of its bag of the key where the memory shares it, else x W + b. Shape letters: R rows, H heads, D numbers of q.
 */
import { ridgeScore, ridgeScoreBackward } from '@headwater/kernels'
import { declareLinear, linearBackward, linearForward } from '../layers/linear.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, columns, type Tensor } from '../plan/tensor.ts'
import type { ItemInputs } from '../tokens/item-inputs.ts'
import type { TokenConfig } from '../tokens/token-kinds.ts'

/** Of up to four heads: m·q, and then the intercept. */
const scoreColumns = 8

/**
 * Adds to the logits.
 * @param at column of z where coefficients begin
 * @returns its backward: it adds to the gradients of embeddings, which lie as in z, and of the item's inputs x
 */
type MemoryScores = (
  rec: ModelRecorder,
  x: Tensor,
  z: Tensor,
  at: number,
  logits: Tensor,
) => (dLogits: Tensor, dz: Tensor, dx: Tensor) => void

export function declareMemoryScores(
  set: ParameterSet,
  inputs: ItemInputs,
  { decays, width: D, shared }: TokenConfig<'memory'>,
  tasks: number,
): MemoryScores {
  const gamma = { weight: set.declare('mix.memory', scoreColumns, tasks, 'one', { decay: false }), bias: null }
  const vector = shared ? null : declareLinear(set, 'mix.memory-vector', inputs.axis, D)
  const ownOf = (x: Tensor) => columns(x, inputs.placeOf('item')!, D)
  return (rec, x, z, at, logits) => {
    const { rows: R } = z
    const q = vector ? rec.tensor('item vector of the memory', R, D) : ownOf(x)
    if (vector) linearForward(rec, vector, x, q)
    const scores = rec.tensor('scores of the memory', R, scoreColumns)
    const sizes = { R, H: decays.length, D4: D / 4, qOffset: q.offset / 4, qRow: q.stride / 4 }
    const shape = { ...sizes, mOffset: (z.offset + at) / 4, mRow: z.stride / 4 }
    rec.dispatch(ridgeScore, shape, { m: z, q, y: scores })
    linearForward(rec, gamma, scores, logits, { accumulate: true })
    return (dLogits, dz, dx) => {
      const dScores = rec.tensor('gradient of scores of the memory', R, scoreColumns)
      linearBackward(rec, gamma, scores, dLogits, assign(dScores))
      const dq = vector ? rec.tensor('gradient of the item vector of the memory', R, D) : ownOf(dx)
      const places = { dqOffset: dq.offset / 4, dqRow: dq.stride / 4, accumulate: vector ? 0 : 1 }
      rec.dispatch(ridgeScoreBackward, { ...shape, ...places }, { m: z, q, dy: dScores, dm: dz, dq })
      if (vector) linearBackward(rec, vector, x, dq, add(dx))
    }
  }
}
