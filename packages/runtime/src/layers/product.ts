/** Matrix products of tensors, with matmul's epilogue and its batches. */

import { type Activation, activations, matmul, matmulShape, matmulTransposedB } from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Tensor } from '../plan/tensor.ts'

/** A matrix, or `count` of its size with `stride` floats from one to the next. */
export interface Matrices extends Tensor {
  readonly batch?: { readonly count: number; readonly stride: number }
}

/** A tensor [R, n·d] as R matrices [n, d], one a row. */
export function rowMatrices(tensor: Tensor, d: number): Matrices {
  const { rows, cols, stride } = tensor
  return { ...tensor, rows: cols / d, cols: d, stride: d, batch: { count: rows, stride } }
}

/** A tensor [R·n, d] as R matrices [n, d]. */
export function rowGroups(tensor: Tensor, n: number): Matrices {
  return { ...tensor, rows: n, batch: { count: tensor.rows / n, stride: n * tensor.stride } }
}

export interface Product {
  /** One matrix where C is a batch serves all of it; so does B. */
  readonly a: Matrices
  /** A is read as Aᵀ; B too. */
  readonly aTransposed?: boolean
  readonly b: Matrices
  readonly bTransposed?: boolean
  readonly bias?: Tensor | null
  /** The bias is a number a row, not a column. */
  readonly biasOfRows?: boolean
  readonly activation?: Activation | undefined
  /** Probability, behind the activation, and the dropout's site. */
  readonly dropout?: number
  readonly site?: number
  /** The result is multiplied by it, element by element. */
  readonly factor?: Tensor
  /** Added last. */
  readonly residual?: Matrices | undefined
  /** Assigned, or added to. */
  readonly c: { readonly into: Matrices; readonly accumulate: boolean }
}

/** Records C = epilogue(A · B), for each matrix of C's batch. */
export function product(rec: ModelRecorder, p: Product): void {
  const { a, b, bias, factor, residual } = p
  const { into: c, accumulate } = p.c
  const batchOf = (matrices: Matrices | undefined) => matrices?.batch?.stride ?? 0
  // Slots of what is not used are filled by something that exists and is not written.
  const unused = rec.weights.rates
  rec.dispatch(
    p.bTransposed ? matmulTransposedB : matmul,
    matmulShape(
      {
        M: c.rows,
        N: c.cols,
        K: p.aTransposed ? a.rows : a.cols,
        batch: c.batch?.count ?? 1,
        aOffset: a.offset,
        aRow: p.aTransposed ? 1 : a.stride,
        aCol: p.aTransposed ? a.stride : 1,
        aBatch: batchOf(a),
        bOffset: b.offset / 4,
        bRow: b.stride / 4,
        bBatch: batchOf(b) / 4,
        cOffset: c.offset / 4,
        cRow: c.stride / 4,
        cBatch: batchOf(c) / 4,
        hasBias: bias ? (p.biasOfRows ? 2 : 1) : 0,
        biasOffset: (bias?.offset ?? 0) / 4,
        accumulate: accumulate ? 1 : 0,
        activation: activations[p.activation ?? 'none'],
        dropout: p.dropout ?? 0,
        site: p.site ?? 0,
        hasFactor: factor ? 1 : 0,
        factorOffset: (factor?.offset ?? 0) / 4,
        factorRow: (factor?.stride ?? 0) / 4,
        hasResidual: residual ? 1 : 0,
        residualOffset: (residual?.offset ?? 0) / 4,
        residualRow: (residual?.stride ?? 0) / 4,
        residualBatch: batchOf(residual) / 4,
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
      c,
    },
  )
}
