/**
 * Views and sums of token matrices: tensors [R, n·d] whose row r is n tokens of d numbers one after the other.
 * Shape letters: R rows, n tokens, d token width, a multiple of 4.
 */
import { copyShape, layoutCopy } from '@headwater/kernels'
import type { Recording } from '../plan/recorder.ts'
import type { Into, Tensor } from '../plan/tensor.ts'

/** @throws RangeError if anything lies before, between or behind the rows: some kernels cannot step over that. */
export function requireWhole(tensor: Tensor, layer: string): void {
  const { offset, stride, cols, storage } = tensor
  if (offset !== 0 || stride !== cols)
    throw new RangeError(
      `The ${layer} takes whole token matrices; "${storage.label}" is ${cols} columns at ${offset} of rows of ${stride} floats. Copy them into a tensor of their own.`,
    )
}

/** The tokens of a whole token matrix as rows, [R·n, d]. */
export function tokenRows(tensor: Tensor, width: number): Tensor {
  return { ...tensor, rows: (tensor.rows * tensor.cols) / width, cols: width, stride: width }
}

/** Assigns or adds scale · `from` to a tensor of its size, whose columns are a multiple of 4. */
export function copyTokens(rec: Recording, from: Tensor, { into, accumulate }: Into, scale = 1): void {
  rec.dispatch(
    layoutCopy,
    copyShape({
      R: from.rows,
      C: from.cols / 4,
      inOffset: from.offset / 4,
      inRow: from.stride / 4,
      outOffset: into.offset / 4,
      outRow: into.stride / 4,
      accumulate: accumulate ? 1 : 0,
      scale,
    }),
    { input: from, output: into },
  )
}
