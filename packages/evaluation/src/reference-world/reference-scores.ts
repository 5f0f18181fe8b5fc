import {
  type BootstrapInterval,
  type BootstrapOptions,
  binaryEntropy,
  clusterBootstrap,
  mean,
  type Numbers,
  normalizedEntropy,
  StatisticsError,
} from '@headwater/statistics'

/**
 * Normalized entropy by the clicks that came, and in expectation over them: cross-entropy with the true probabilities, which
 * has a third of the noise.
 * @throws StatisticsError where the scored rows have one class
 */
export function scoreReference(predicted: Float64Array, truth: Float64Array, labels: Numbers) {
  const expectedNe = mean(crossEntropies(predicted, truth)) / binaryEntropy(mean(truth))
  return { ne: normalizedEntropy(predicted, labels), expectedNe }
}

/** Expected log loss of each prediction [R] under the true probabilities, in nats. */
export function crossEntropies(predicted: Float64Array, truth: Float64Array): Float64Array {
  return predicted.map((p, i) => -truth[i] * Math.log(p) - (1 - truth[i]) * Math.log1p(-p))
}

/** The same of predictions as logits [R], finite however sure they are: log(1 + eᶻ) − truth · z. */
export function crossEntropiesOfLogits(logits: Float32Array, truth: Float64Array): Float64Array {
  return Float64Array.from(logits, (z, i) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - truth[i] * z)
}

/** In a draw of the users the optimum is no better than knowing nothing of them. */
export class NoGapError extends StatisticsError {
  constructor() {
    super('the optimum is no better than knowing nothing of the user: there is no gap to close')
  }
}

/** Losses of the same rows [R], in nats: log losses of the clicks, or cross-entropies with the truth. */
export interface GapLosses {
  readonly losses: Numbers
  /** Of the prediction that knows nothing of the user, and of the filtered optimum. */
  readonly nobody: Numbers
  readonly optimum: Numbers
}

/**
 * Share of the gap between knowing nothing of the user and the filtered optimum that predictions close, (Σ nobody −
 * Σ losses) / (Σ nobody − Σ optimum), with an interval clustered by user. The base rate's entropy cancels, so that it is
 * the share of normalized entropy too.
 * @param users [R]
 * @throws StatisticsError as `clusterBootstrap`; NoGapError
 */
export function shareClosed(
  users: Uint32Array,
  { losses, nobody, optimum }: GapLosses,
  options: BootstrapOptions,
): BootstrapInterval {
  return clusterBootstrap(users, [losses, nobody, optimum], options, ([found, worst, best]) => {
    if (worst > best) return (worst - found) / (worst - best)
    throw new NoGapError()
  })
}
