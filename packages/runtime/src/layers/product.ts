/** Matrix products of tensors, with matmul's epilogue and its batches. */

import {
  type Activation,
  activations,
  type MatmulShape,
  matmul,
  matmulShape,
  matmulTransposedB,
} from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Into, Tensor } from '../plan/tensor.ts'

export interface Product {
  readonly a: Tensor
  readonly b: Tensor
  /** B is read as Bᵀ. */
  readonly bTransposed?: boolean
  readonly bias?: Tensor | null
  readonly activation?: Activation
  /** The result is multiplied by it, element by element. */
  readonly factor?: Tensor
  /** Added last. */
  readonly residual?: Tensor | undefined
  readonly c: Into
}

type Strides = Omit<Partial<MatmulShape>, 'M' | 'N' | 'K'> & { M: number; N: number; K: number }

/**
 * Records C = epilogue(A · B). `shape` gives the sizes and what is not the default: one batch, rows a tensor's stride
 * apart, a bias per column. Offsets come from the tensors.
 */
export function product(rec: ModelRecorder, shape: Strides, p: Product): void {
  const { a, b, bias, factor, residual, c } = p
  // Slots of what is not used are filled by something that exists and is not written.
  const unused = rec.weights.rates
  rec.dispatch(
    p.bTransposed ? matmulTransposedB : matmul,
    matmulShape(
      {
        aOffset: a.offset,
        aRow: a.stride,
        bOffset: b.offset / 4,
        bRow: b.stride / 4,
        cOffset: c.into.offset / 4,
        cRow: c.into.stride / 4,
        hasBias: bias ? 1 : 0,
        biasOffset: (bias?.offset ?? 0) / 4,
        accumulate: c.accumulate ? 1 : 0,
        activation: activations[p.activation ?? 'none'],
        hasFactor: factor ? 1 : 0,
        factorOffset: (factor?.offset ?? 0) / 4,
        factorRow: (factor?.stride ?? 0) / 4,
        hasResidual: residual ? 1 : 0,
        residualOffset: (residual?.offset ?? 0) / 4,
        residualRow: (residual?.stride ?? 0) / 4,
        ...shape,
      },
      p.bTransposed ? 'transposed' : 'row-major',
    ),
    {
      a,
      b,
      bias: bias ?? unused,
      factor: factor ?? unused,
      residual: residual ?? unused,
      step: rec.weights.step,
      c: c.into,
    },
  )
}
