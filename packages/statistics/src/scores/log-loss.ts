import {
  type Numbers,
  requireFinite,
  requireLabel,
  requireProbability,
  requireRows,
  requireSameLength,
} from '../sample/binary-data.ts'

/** Probabilities are moved into [ε, 1 − ε] before the logarithm: a float32 sigmoid reaches 0 and 1, its loss must not be ∞. */
export const PROBABILITY_CLAMP = 1e-7

/** −log p(label), in nats. Probability clamped to [`PROBABILITY_CLAMP`, 1 − `PROBABILITY_CLAMP`]. */
export function logLossOfProbability(probability: number, label: number): number {
  const clamped = Math.min(Math.max(probability, PROBABILITY_CLAMP), 1 - PROBABILITY_CLAMP)
  return label === 1 ? -Math.log(clamped) : -Math.log1p(-clamped)
}

/** −log p(label), in nats, for p = σ(logit): softplus of the wrong side, exact where the sigmoid would saturate. */
export function logLossOfLogit(logit: number, label: number): number {
  const wrong = label === 1 ? -logit : logit
  return Math.max(wrong, 0) + Math.log1p(Math.exp(-Math.abs(logit)))
}

/** Loss of each row [R], in nats. @throws StatisticsError on unequal lengths, no rows, or a value out of range. */
export function logLosses(probabilities: Numbers, labels: Numbers): Float64Array {
  requireSameLength('probabilities', probabilities, 'labels', labels)
  requireRows('labels', labels)
  return Float64Array.from({ length: labels.length }, (_, row) => {
    requireProbability(probabilities[row], row)
    requireLabel(labels[row], row)
    return logLossOfProbability(probabilities[row], labels[row])
  })
}

/** As `logLosses`, from logits. */
export function logLossesOfLogits(logits: Numbers, labels: Numbers): Float64Array {
  requireSameLength('logits', logits, 'labels', labels)
  requireRows('labels', labels)
  return Float64Array.from({ length: labels.length }, (_, row) => {
    requireFinite('logits', logits[row], row)
    requireLabel(labels[row], row)
    return logLossOfLogit(logits[row], labels[row])
  })
}
