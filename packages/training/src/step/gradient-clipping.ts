/**
 * What stands between a gradient and the optimizers: clipping by global norm (Pascanu et al. 2013, "On the difficulty of
 * training recurrent neural networks"), and leaving out a step whose gradient is not finite. Both are decided on the
 * device, so that nothing is read back in between.
 *
 * The norm is that of all dense parameters' gradients. One factor scales the gradients of tables too, as if the step's
 * loss weighed less; tables have no part in the norm, since row-wise Adagrad bounds a row's step whatever its gradient.
 * A value anywhere in the towers that is not finite reaches a dense gradient, as every dense layer lies behind the tables.
 */
import type { Kernel, Shape, Tuning } from '@headwater/gpu'
import { globalNorm, partialsOf, rowAdagrad, sumOfSquares } from '@headwater/kernels'
import { Recorder, type Tensor, type Weights } from '@headwater/runtime'
import { checkOptions, isFloat } from './training-options-error.ts'

/** @throws TrainingOptionsError unless the norm is a number from 0 that f32 can hold */
export function checkMaxNorm(maxNorm: number): void {
  checkOptions('Clipping', [['maxNorm', maxNorm, isFloat(maxNorm), 'a number of at least 0, which clips nothing']])
}

/** A recorder that holds back the updates of tables, which layers record amid their backward pass. */
export class UpdateRecorder extends Recorder {
  #held: (() => void)[] = []

  override dispatch<S extends Shape, B extends string, T extends Tuning>(
    kernel: Kernel<S, B, T>,
    shape: S,
    tensors: { readonly [K in B]: Tensor },
  ): void {
    const record = () => super.dispatch(kernel, shape, tensors)
    if (kernel.name === rowAdagrad.name) this.#held.push(record)
    else record()
  }

  /** Records the updates that were held back, in their order. */
  recordHeld(): void {
    for (const record of this.#held) record()
    this.#held = []
  }
}

/**
 * Records the norm of the dense gradient and what follows from it: gradientScale, skip and gradientNorm of `rates`. To be
 * recorded behind the whole backward pass and before every update.
 * @param maxNorm 0: nothing is clipped
 * @throws TrainingOptionsError
 */
export function recordClipping(rec: Recorder, weights: Weights, maxNorm: number): void {
  checkMaxNorm(maxNorm)
  const P = weights.runs.reduce((sum, { floats }) => sum + partialsOf(floats), 0)
  const partials = rec.tensor('partial sums of squares', 1, P)
  let partialOffset = 0
  for (const { floats, gradient } of weights.runs) {
    rec.dispatch(sumOfSquares, { count: floats, xOffset: 0, partialOffset }, { x: gradient!, partials })
    partialOffset += partialsOf(floats)
  }
  rec.dispatch(globalNorm, { P, maxNorm }, { partials, rates: weights.rates })
}
