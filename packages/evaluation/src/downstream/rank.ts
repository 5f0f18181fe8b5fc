import { unsampledLogits } from '@headwater/statistics'

/**
 * The first item's rank among all, from 1, by what is predicted of each over all that could have been taken; items of an equal
 * prediction share the middle of their ranks. Of a prediction that is no number it is the last.
 * @param logits of the sampled rows, [N] @param expected how often each item was to be drawn, [N]
 */
export function rankOfFirst(logits: Float32Array, expected: Float64Array): number {
  const scores = unsampledLogits(logits, expected)
  const [own] = scores
  if (Number.isNaN(own)) return scores.length
  let [above, equal] = [0, -1]
  for (const score of scores) {
    if (score > own) above++
    else if (score === own) equal++
  }
  return 1 + above + equal / 2
}
