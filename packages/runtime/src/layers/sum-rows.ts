import { columnSum, columnSumShape, padded } from '@headwater/kernels'
import type { Recording } from '../plan/recorder.ts'
import type { Into, Tensor } from '../plan/tensor.ts'

/** Assigns or adds the sum of the rows of `input` [R, n] to [1, n]. */
export function sumRows(rec: Recording, input: Tensor, { into, accumulate }: Into): void {
  rec.dispatch(
    columnSum,
    columnSumShape({
      R: input.rows,
      N4: padded(input.cols) / 4,
      inOffset: input.offset / 4,
      inRow: input.stride / 4,
      outOffset: into.offset / 4,
      accumulate: accumulate ? 1 : 0,
    }),
    { input, output: into },
  )
}
