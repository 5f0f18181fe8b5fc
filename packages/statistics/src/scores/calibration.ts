import {
  countPositives,
  type Numbers,
  requireProbability,
  requireRows,
  requireSameLength,
} from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'

/** Σp / Σy: 1 where as much is predicted as happens. @throws StatisticsError on unequal lengths or no positive row. */
export function calibration(probabilities: Numbers, labels: Numbers): number {
  requireSameLength('probabilities', probabilities, 'labels', labels)
  const positives = countPositives(labels)
  if (positives === 0) throw new StatisticsError('calibration Σp/Σy of no positive row is undefined: widen the window')
  let predicted = 0
  for (let row = 0; row < labels.length; row++) {
    requireProbability(probabilities[row], row)
    predicted += probabilities[row]
  }
  return predicted / positives
}

/** A group of rows with neighbouring predictions. */
export interface ReliabilityBin {
  readonly rows: number
  readonly meanPrediction: number
  /** Share of ones. */
  readonly rate: number
}

/**
 * Rows in order of prediction, cut into up to `bins` groups of about equal size; rows with equal predictions stay
 * together. Equal size rather than equal width, since click rates crowd near 0 where equal widths leave one bin.
 * @throws StatisticsError on unequal lengths, no rows, or `bins` that is not a positive integer.
 */
export function reliabilityBins(probabilities: Numbers, labels: Numbers, bins: number): ReliabilityBin[] {
  requireSameLength('probabilities', probabilities, 'labels', labels)
  requireRows('labels', labels)
  if (!(Number.isInteger(bins) && bins > 0)) throw new StatisticsError(`bins ${bins}: it must be a positive integer`)
  countPositives(labels)
  const rows = labels.length
  const order = Uint32Array.from({ length: rows }, (_, row) => row)
  for (let row = 0; row < rows; row++) requireProbability(probabilities[row], row)
  order.sort((a, b) => probabilities[a] - probabilities[b])
  const result: ReliabilityBin[] = []
  let start = 0
  for (let bin = 1; bin <= bins; bin++) {
    let end = Math.round((bin * rows) / bins)
    if (end <= start) continue
    while (end < rows && probabilities[order[end]] === probabilities[order[end - 1]]) end++
    let predicted = 0
    let positives = 0
    for (let at = start; at < end; at++) {
      predicted += probabilities[order[at]]
      positives += labels[order[at]]
    }
    result.push({ rows: end - start, meanPrediction: predicted / (end - start), rate: positives / (end - start) })
    start = end
  }
  return result
}

/**
 * Expected calibration error: mean over rows of |mean prediction − rate| of the row's reliability bin (Naeini et al.
 * 2015, with bins of equal size). @throws StatisticsError as `reliabilityBins`.
 */
export function expectedCalibrationError(probabilities: Numbers, labels: Numbers, bins = 10): number {
  const groups = reliabilityBins(probabilities, labels, bins)
  return groups.reduce((sum, bin) => sum + bin.rows * Math.abs(bin.meanPrediction - bin.rate), 0) / labels.length
}
