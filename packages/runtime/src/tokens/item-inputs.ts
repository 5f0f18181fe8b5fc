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
import { columns, type Tensor } from '../plan/tensor.ts'
import { type BagTokens, bagTokensBackward, bagTokensForward, declareBagTokens } from './bag-tokens.ts'

export interface ItemInputs {
  /** For the `InputBatch`. */
  readonly needs: InputNeeds
  readonly denseColumns: number
  /** Columns of X. */
  readonly columns: number
  /** What stands on them. */
  readonly axis: Axis
  readonly bags: BagTokens
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
  return {
    needs: { layout: { ...layout, sequence: null }, bags: 'mean', recent: 0 },
    denseColumns,
    columns: count,
    axis,
    bags: declareBagTokens(set, name, layout.bags, width, 'mean'),
  }
}

const bagColumns = (inputs: ItemInputs, x: Tensor): Tensor =>
  columns(x, inputs.denseColumns, inputs.columns - inputs.denseColumns)

/** @returns X */
export function itemInputsForward(rec: ModelRecorder, inputs: ItemInputs, batch: InputBatch): Tensor {
  const x = rec.tensor('item X', batch.rows, inputs.columns)
  if (batch.dense)
    copyTokens(rec, columns(batch.dense, 0, inputs.denseColumns), {
      into: columns(x, 0, inputs.denseColumns),
      accumulate: false,
    })
  bagTokensForward(rec, inputs.bags, batch, bagColumns(inputs, x))
  return x
}

/**
 * Updates every table that was looked up. `dx` is the gradient of X.
 * @param l2 penalty on a looked-up embedding, a lookup
 */
export function itemInputsBackward(
  rec: ModelRecorder,
  inputs: ItemInputs,
  batch: InputBatch,
  dx: Tensor,
  l2 = 0,
): void {
  const saved = inputs.bags.bags.map(() => null)
  bagTokensBackward(rec, inputs.bags, batch, saved, bagColumns(inputs, dx), l2)
}
