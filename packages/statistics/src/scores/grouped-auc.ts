import { countPositives, type Numbers, requireSameLength } from '../sample/binary-data.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { auc } from './auc.ts'

export interface GroupedAuc {
  readonly value: number
  /** Groups and rows with both classes; the others have no ranking to judge. */
  readonly groups: number
  readonly rows: number
}

/**
 * GAUC: the AUC within each user, averaged with the user's rows as weights (Zhu et al. 2017, "Optimized cost per click
 * in Taobao display advertising"). Unlike the AUC it gains nothing from telling users apart.
 * `groups` [R] number the users in any way.
 * @throws StatisticsError as `auc`, and where no group has both classes
 */
export function groupedAuc(scores: Numbers, labels: Numbers, groups: Uint32Array): GroupedAuc {
  requireSameLength('scores', scores, 'labels', labels)
  requireSameLength('groups', groups, 'labels', labels)
  countPositives(labels)
  const byGroup = new Map<number, number[]>()
  groups.forEach((group, row) => {
    const rows = byGroup.get(group)
    if (rows === undefined) byGroup.set(group, [row])
    else rows.push(row)
  })
  let [sum, weight, used] = [0, 0, 0]
  for (const rows of byGroup.values()) {
    const own = rows.map((row) => labels[row])
    if (!own.includes(0) || !own.includes(1)) continue
    const ofGroup = auc(
      rows.map((row) => scores[row]),
      own,
    )
    sum += ofGroup * rows.length
    weight += rows.length
    used++
  }
  if (used === 0) throw new StatisticsError('GAUC: no group has rows of both classes; widen the window')
  return { value: sum / weight, groups: used, rows: weight }
}
