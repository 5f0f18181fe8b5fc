/**
 * What towers cost for M models: operations as the plans count them and refreshes as the replay counts them, bytes as the
 * store's codec makes them. The downstream models' own operations are the same in both and are left out.
 */
import type { DownstreamSpec } from '../../downstream/family.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import type { Chart, FigureTable } from '../../report/findings.ts'
import { formatCompactCount, formatFixed } from '../../report/format.ts'
import { barePoint } from '../charts.ts'
import { sharedBy, sharingModels } from './plans.ts'
import { modelsLabel, ownName, sharedName } from './quality.ts'

interface TowerCosts {
  /** Of all training along the log. */
  readonly trainingFlops: number
  /** Of refreshes, a row of the test window. */
  readonly servingFlops: number
  /** Rings of all users at the log's end. */
  readonly storedBytes: number
  /** Vectors read, a row of the test window: one for a request, whichever models of the tower it asks. */
  readonly servedBytes: number
}

export interface SharingCosts {
  readonly models: number
  readonly shared: TowerCosts
  readonly own: TowerCosts
}

const costNames = ['trainingFlops', 'servingFlops', 'storedBytes', 'servedBytes'] as const

export function costsOf(outcomes: Outcomes): SharingCosts[] {
  const models = sharingModels(outcomes.lab)
  const [stored, served] = ['storedBytes', 'servedBytes'].map((name) => outcomes.figure('record', name))
  const costs = (arm: string, of: readonly DownstreamSpec[]): TowerCosts => ({
    trainingFlops: outcomes.figure(arm, 'trainingFlops'),
    servingFlops: outcomes.figure(arm, 'encodeFlopsPerRow'),
    storedBytes: stored * outcomes.figure(arm, 'storedUsers'),
    servedBytes: served * askedShare(outcomes.lab, of),
  })
  return sharedBy(outcomes.lab).map((m) => {
    const first = models.slice(0, m)
    const each = first.map((spec) => costs(ownName(spec.name), [spec]))
    const sum = Object.fromEntries(
      costNames.map((name) => [name, each.reduce((total, own) => total + own[name], 0)]),
    ) as unknown as TowerCosts
    return { models: m, shared: costs(sharedName(m), first), own: sum }
  })
}

/** Part of the test window's rows that any of the models is asked for. */
export function askedShare({ test }: LabLog, models: readonly DownstreamSpec[]): number {
  return new Set(models.flatMap(({ name }) => [...test.models[name].places])).size / test.rows
}

export function costFindings(costs: readonly SharingCosts[]): {
  readonly charts: Chart[]
  readonly tables: FigureTable[]
} {
  const chart = (
    title: string,
    label: string,
    name: (typeof costNames)[number],
    unit: number,
    caption: string,
  ): Chart => ({
    title,
    caption,
    kind: 'curve',
    x: { label: modelsLabel },
    y: { label: `${label} · ↓ better` },
    series: (['shared', 'own'] as const).map((which) => ({
      name: which === 'shared' ? 'one shared tower' : 'a tower each',
      points: costs.map((own) => barePoint(`${own.models} models`, own.models, own[which][name] / unit)),
    })),
  })
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
      {
        title: 'What towers cost: one that is shared · one each',
        head: ['models', 'TFLOP of training', 'MFLOP a row of serving', 'bytes stored', 'bytes served a row'],
        rows: costs.map(({ models, shared, own }) => {
          const both = (name: (typeof costNames)[number], show: (value: number) => string) =>
            `${show(shared[name])} · ${show(own[name])}`
          return [
            String(models),
            both('trainingFlops', (value) => formatFixed(value / 1e12, 3)),
            both('servingFlops', (value) => formatFixed(value / 1e6, 3)),
            both('storedBytes', formatCompactCount),
            both('servedBytes', (value) => formatFixed(value, 0)),
          ]
        }),
      },
    ],
  }
}
