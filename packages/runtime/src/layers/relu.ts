import { reluBackward } from '@headwater/kernels'
import type { Recording } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'

/** dx of ReLU and the dropout behind it, from their output y. All three are whole tensors of one shape. */
export function reluDropoutBackward(rec: Recording, y: Tensor, dy: Tensor, dx: Tensor, dropout = 0): void {
  for (const { offset, rows, stride, storage } of [y, dy, dx])
    if (offset !== 0 || rows !== y.rows || stride !== y.stride || rows * stride * 4 > storage.sizeBytes)
      throw new RangeError(`The backward of ReLU takes whole tensors of one shape; ${storage.label} is not one.`)
  rec.dispatch(reluBackward, { count4: (y.rows * y.stride) / 4, scale: 1 / (1 - dropout) }, { y, dy, dx })
}
