/**
 * What towers cost for M models: operations as the plans count them and refreshes as the replay counts them, bytes as the
 * store's codec makes them. The downstream models' own operations are the same in both and are left out.
 */
import type { DownstreamSpec } from '../../downstream/family.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import type { Findings } from '../../report/findings.ts'
import { formatCompactCount, formatFixed } from '../../report/format.ts'
import { tableOf } from '../../report/table.ts'
import { barePoint, curveChart } from '../charts.ts'
import { sharedBy, sharingModels } from './plans.ts'
import { modelsLabel, ownName, sharedName } from './quality.ts'

/**
 * - `trainingFlops`: of all training along the log
 * - `servingFlops`: of refreshes, a row of the test window
 * - `storedBytes`: rings of all users at the log's end
 * - `servedBytes`: vectors read, a row of the test window: one for a request, whichever models of the tower it asks
 */
const costNames = ['trainingFlops', 'servingFlops', 'storedBytes', 'servedBytes'] as const
type CostName = (typeof costNames)[number]
type TowerCosts = Readonly<Record<CostName, number>>

export interface SharingCosts {
  readonly models: number
  readonly shared: TowerCosts
  readonly own: TowerCosts
}

export function costsOf(outcomes: Outcomes): SharingCosts[] {
  const { lab } = outcomes
  const models = sharingModels(lab)
  const costs = (arm: string, of: readonly DownstreamSpec[]): TowerCosts => ({
    trainingFlops: outcomes.figure(arm, 'trainingFlops'),
    servingFlops: outcomes.figure(arm, 'encodeFlopsPerRow'),
    storedBytes: outcomes.figure('record', 'storedBytes') * outcomes.figure(arm, 'storedUsers'),
    servedBytes: outcomes.figure('record', 'servedBytes') * askedShare(lab, of),
  })
  return sharedBy(lab).map((m) => {
    const first = models.slice(0, m)
    const each = first.map((spec) => costs(ownName(spec.name), [spec]))
    const sum = (name: CostName) => each.reduce((total, own) => total + own[name], 0)
    const own = Object.fromEntries(costNames.map((name) => [name, sum(name)])) as Record<CostName, number>
    return { models: m, shared: costs(sharedName(m), first), own }
  })
}

/** Part of the test window's rows that any of the models is asked for. */
export function askedShare({ test }: LabLog, models: readonly DownstreamSpec[]): number {
  return new Set(models.flatMap(({ name }) => [...test.models[name].places])).size / test.rows
}

export function costFindings(costs: readonly SharingCosts[]): Pick<Findings, 'charts' | 'tables'> {
  const chart = (title: string, label: string, name: CostName, unit: number, caption: string) =>
    curveChart(
      title,
      caption,
      { label: modelsLabel },
      { label: `${label} · ↓ better` },
      (['shared', 'own'] as const).map((which) => ({
        name: which === 'shared' ? 'one shared tower' : 'a tower each',
        points: costs.map((own) => barePoint(`${own.models} models`, own.models, own[which][name] / unit)),
      })),
    )
  const both = (name: CostName, show: (value: number) => string) => (own: SharingCosts) =>
    `${show(own.shared[name])} · ${show(own.own[name])}`
  return {
    charts: [
      chart(
        'Operations of training',
        'TFLOP along the log',
        'trainingFlops',
        1e12,
        'Counted by the plans, of the rows that a tower is taught. The downstream models’ own are the same in both.',
      ),
      chart(
        'Operations of serving',
        'MFLOP a row',
        'servingFlops',
        1e6,
        'Of refreshes on events, of the users that a tower’s models may be asked about, a row of the test window.',
      ),
      chart(
        'Bytes stored',
        'MB',
        'storedBytes',
        1e6,
        'Rings of three vectors in half precision, as the store’s codec writes them, of these users at the log’s end.',
      ),
      chart(
        'Bytes served',
        'bytes a row',
        'servedBytes',
        1,
        'Vectors read, a row of the test window: a request reads that of a tower once, however many of its models it asks.',
      ),
    ],
    tables: [
      tableOf('What towers cost: one that is shared · one each', costs, [
        ['models', ({ models }) => String(models)],
        ['TFLOP of training', both('trainingFlops', (value) => formatFixed(value / 1e12, 3))],
        ['MFLOP a row of serving', both('servingFlops', (value) => formatFixed(value / 1e6, 3))],
        ['bytes stored', both('storedBytes', formatCompactCount)],
        ['bytes served a row', both('servedBytes', (value) => formatFixed(value, 0))],
      ]),
    ],
  }
}
