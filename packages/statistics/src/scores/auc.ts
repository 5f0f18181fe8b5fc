import { countPositives, type Numbers, requireFinite, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, a tie counting half (Mann–Whitney U).
 * O(n log n). @throws StatisticsError on unequal lengths, a score that is not finite, or fewer than one row of each class.
 */
export function auc(scores: Numbers, labels: Numbers): number {
  requireSameLength('scores', scores, 'labels', labels)
  const positiveCount = countPositives(labels)
  const negativeCount = labels.length - positiveCount
  if (positiveCount === 0 || negativeCount === 0) {
    throw new StatisticsError(
      `AUC of ${positiveCount} positives and ${negativeCount} negatives: it needs at least one of each; widen the window`,
    )
  }
  const positives = new Float64Array(positiveCount)
  const negatives = new Float64Array(negativeCount)
  for (let row = 0, p = 0, n = 0; row < labels.length; row++) {
    requireFinite('scores', scores[row], row)
    if (labels[row] === 1) positives[p++] = scores[row]
    else negatives[n++] = scores[row]
  }
  positives.sort()
  negatives.sort()
  // One merge: `below` negatives lie under the positive, `notAbove` lie under it or tie with it.
  let wins = 0
  let below = 0
  let notAbove = 0
  for (const score of positives) {
    while (below < negativeCount && negatives[below] < score) below++
    while (notAbove < negativeCount && negatives[notAbove] <= score) notAbove++
    wins += (below + notAbove) / 2
  }
  return wins / positiveCount / negativeCount
}
