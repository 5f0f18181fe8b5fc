import { type Numbers, requireRows } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'

/**
 * p-values adjusted for having tested all of them (Holm 1979, step-down): comparing each to α keeps the chance of any
 * false claim at α, whatever the dependence. Same order as given.
 * @throws StatisticsError on none, or on one out of [0, 1].
 */
export function holmAdjust(pValues: Numbers): Float64Array {
  requireRows('pValues', pValues)
  const count = pValues.length
  const order = Array.from({ length: count }, (_, i) => i)
  for (const i of order) {
    if (!(pValues[i] >= 0 && pValues[i] <= 1))
      throw new StatisticsError(`pValues[${i}] is ${pValues[i]}: not in [0, 1]`)
  }
  order.sort((a, b) => pValues[a] - pValues[b])
  const adjusted = new Float64Array(count)
  let running = 0
  order.forEach((original, rank) => {
    running = Math.max(running, Math.min((count - rank) * pValues[original], 1))
    adjusted[original] = running
  })
  return adjusted
}
