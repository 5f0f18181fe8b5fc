/** y = x W + b, W [in, out]. R rows. */
import { activations, columnSum, columnSumShape, matmul, matmulShape, padded } from '@headwater/kernels'
import type { Parameter, ParameterSet, Weights } from '../parameters.ts'
import type { Recorder } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'

export interface Linear {
  readonly weight: Parameter
  readonly bias: Parameter | null
}

export interface Epilogue {
  /** y = what y held + x W + b */
  accumulate?: boolean
  relu?: boolean
  /** Probability; needs a `site` that no other dropout of the step has. */
  dropout?: number
  site?: number
}

/** Declares a linear layer with PyTorch's default start, uniform within ±1/√in. `inputGradient`: its backward gives dx. */
export function declareLinear(
  set: ParameterSet,
  name: string,
  inputs: number,
  outputs: number,
  options: { bias?: boolean; inputGradient: boolean; bound?: number },
): Linear {
  const initialization = { uniform: options.bound ?? 1 / Math.sqrt(inputs) }
  const weight = set.declare(`${name}.weight`, inputs, outputs, initialization, { transposed: options.inputGradient })
  const bias = (options.bias ?? true) ? set.declare(`${name}.bias`, 1, outputs, 'zero', { decay: false }) : null
  return { weight, bias }
}

interface Product {
  a: Tensor
  aTransposed?: boolean
  b: Tensor
  bias?: Tensor | undefined
  c: Tensor
}

function multiply(rec: Recorder, weights: Weights, { a, aTransposed, b, bias, c }: Product, e: Epilogue = {}): void {
  rec.dispatch(
    matmul,
    matmulShape({
      M: c.rows,
      N: c.cols,
      K: b.rows,
      aOffset: a.offset,
      aRow: aTransposed ? 1 : a.stride,
      aCol: aTransposed ? a.stride : 1,
      bOffset: b.offset / 4,
      bRow: b.stride / 4,
      cOffset: c.offset / 4,
      cRow: c.stride / 4,
      hasBias: bias ? 1 : 0,
      biasOffset: (bias?.offset ?? 0) / 4,
      accumulate: e.accumulate ? 1 : 0,
      activation: e.relu ? activations.relu : activations.none,
      dropout: e.dropout ?? 0,
      site: e.site ?? 0,
    }),
    // Slots of what is not used are filled by something that exists and is not written.
    { a, b, bias: bias ?? weights.rates, factor: weights.rates, residual: weights.rates, step: weights.step, c },
  )
}

export function linearForward(
  rec: Recorder,
  weights: Weights,
  layer: Linear,
  x: Tensor,
  y: Tensor,
  e?: Epilogue,
): void {
  const bias = layer.bias ? weights.value(layer.bias) : undefined
  multiply(rec, weights, { a: x, b: weights.value(layer.weight), bias, c: y }, e)
}

/** Gradients of weight and bias are assigned; `dx`, where asked for, is assigned or, with `accumulate`, added to. */
export function linearBackward(
  rec: Recorder,
  weights: Weights,
  layer: Linear,
  x: Tensor,
  dy: Tensor,
  dx?: { readonly into: Tensor; readonly accumulate?: boolean },
): void {
  multiply(rec, weights, { a: x, aTransposed: true, b: dy, c: weights.gradientOf(layer.weight) })
  if (layer.bias) {
    const output = weights.gradientOf(layer.bias)
    rec.dispatch(
      columnSum,
      columnSumShape({
        R: dy.rows,
        N4: padded(dy.cols) / 4,
        inOffset: dy.offset / 4,
        inRow: dy.stride / 4,
        outOffset: output.offset / 4,
      }),
      { input: dy, output },
    )
  }
  if (dx)
    multiply(
      rec,
      weights,
      { a: dy, b: weights.transposedValue(layer.weight), c: dx.into },
      { accumulate: dx.accumulate ?? false },
    )
}
