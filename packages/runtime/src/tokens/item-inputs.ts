/**
 * One side's features as the first matrix of a model, X [R, dense | bag | bag | …]: dense values as they are, padded to a
 * multiple of 4 columns, and the mean embedding of each bag. Shape letters: R rows.
 */

import type { SideLayout } from '@headwater/features'
import { padded } from '@headwater/kernels'
import type { InputBatch, InputNeeds } from '../inputs/input-batch.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import { type Axis, lengthOf, padding } from '../parameters/axis.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { assign, columns, type Tensor } from '../plan/tensor.ts'
import { declareBagTokens } from './bag-tokens.ts'

/** X, and its backward, which updates every table that was looked up; `l2` is a penalty on a looked-up embedding, a lookup. */
export interface RecordedInputs {
  readonly x: Tensor
  backward(dx: Tensor, l2?: number): void
}

export interface ItemInputs {
  /** For the `InputBatch`. */
  readonly needs: InputNeeds
  /** Columns of X. */
  readonly columns: number
  /** What stands on them. */
  readonly axis: Axis
  /** Where a bag's vector stands among them; null without such a bag. */
  placeOf(bag: string): number | null
  forward(rec: ModelRecorder, batch: InputBatch): RecordedInputs
}

/**
 * @param width columns a looked-up embedding takes, a multiple of 4
 * @throws RangeError for a side without features
 */
export function declareItemInputs(set: ParameterSet, name: string, layout: SideLayout, width: number): ItemInputs {
  const denseColumns = padded(layout.dense.length)
  const axis = [
    ...layout.dense.map((feature) => ({ name: `dense ${feature}`, size: 1 })),
    ...padding(denseColumns - layout.dense.length),
    ...layout.bags.map((bag) => ({ name: `bag ${bag.name}`, size: width })),
  ]
  const count = lengthOf(axis)
  if (count === 0) throw new RangeError(`The ${name} side has no features. Give the schema one of that side.`)
  const bags = declareBagTokens(set, name, layout.bags, width, 'mean')
  return {
    needs: { layout: { ...layout, sequence: null }, bags: 'mean', recent: 0 },
    columns: count,
    axis,
    placeOf(bag) {
      const i = layout.bags.findIndex(({ name }) => name === bag)
      return i < 0 ? null : denseColumns + i * width
    },
    forward(rec, batch) {
      const x = rec.tensor('item X', batch.rows, count)
      const ofDense = (tensor: Tensor) => columns(tensor, 0, denseColumns)
      const ofBags = (tensor: Tensor) => columns(tensor, denseColumns, count - denseColumns)
      if (batch.dense) copyTokens(rec, ofDense(batch.dense), assign(ofDense(x)))
      const bagsBackward = bags(rec, batch, ofBags(x))
      return { x, backward: (dx, l2) => bagsBackward(ofBags(dx), l2) }
    },
  }
}
