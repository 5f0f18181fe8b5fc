/** Predictions of a new and an old tower on the same rows, which neither was trained on. Shape letters: R rows, T tasks. */
import type { ForwardFigures, ForwardTask } from '@headwater/snapshot'
import { baseRate, binaryEntropy, calibration, logLossesOfLogits, mean, meanAndSd } from '@headwater/statistics'

/** A tower's vectors or predictions are not numbers. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError'

  constructor(what: string) {
    super(
      `${what} hold NaN or infinite values: training diverged, nothing was published. Lower its rates and train again.`,
    )
  }
}

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit))

/**
 * @param logits [R, T] of the new tower @param parentLogits of the old, null without one @param labels 0/1 [R, T]
 * @param labelWeights [R, T]; a label of weight 0 is not known and left out, the others count alike
 * @throws DivergedError where a logit of the new tower is not finite
 */
export function forwardFigures(
  tasks: readonly string[],
  logits: Float32Array,
  parentLogits: Float32Array | null,
  labels: Uint8Array,
  labelWeights: Float32Array,
): ForwardFigures {
  const T = tasks.length
  const rows = labels.length / T
  if (!logits.every(Number.isFinite)) throw new DivergedError('Predictions on held-back rows')
  return {
    rows,
    tasks: tasks.map((task, t) => {
      const places = Array.from({ length: rows }, (_, r) => r * T + t).filter((place) => labelWeights[place] > 0)
      const known = (values: Float32Array | Uint8Array) => Float64Array.from(places, (place) => values[place])
      return taskFigures(task, known(labels), known(logits), parentLogits && known(parentLogits))
    }),
  }
}

function taskFigures(
  task: string,
  labels: Float64Array,
  logits: Float64Array,
  parentLogits: Float64Array | null,
): ForwardTask {
  const rows = labels.length
  const positives = labels.reduce((sum, label) => sum + label, 0)
  const oneClass = positives === 0 || positives === rows
  const entropy = oneClass ? Number.NaN : binaryEntropy(baseRate(labels))
  const losses = oneClass ? null : logLossesOfLogits(logits, labels)
  const parentLosses = parentLogits && losses && logLossesOfLogits(parentLogits, labels)
  const calibrationOf = (of: Float64Array | null) => (of && positives > 0 ? calibration(of.map(sigmoid), labels) : null)
  return {
    task,
    rows,
    positives,
    ne: losses && mean(losses) / entropy,
    parentNe: parentLosses && mean(parentLosses) / entropy,
    neStandardError:
      losses && parentLosses && rows > 1
        ? meanAndSd(losses.map((loss, r) => loss - parentLosses[r])).sd! / Math.sqrt(rows) / entropy
        : null,
    calibration: calibrationOf(logits),
    parentCalibration: calibrationOf(parentLogits),
  }
}
