/** What keeps recurring snapshots in line, and what it is worth to a downstream model that does not follow each of them. */
import { mean } from '@headwater/statistics'
import { adjusted, compare, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import type { Setup } from '../lab/arms/downstream-arm.ts'
import { panelArm } from '../lab/arms/panel-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { UpstreamPlan } from '../lab/upstream/upstream.ts'
import type { Averaging } from '../replay/pooled.ts'
import type { Chart, Findings } from '../report/findings.ts'
import { formatDrift, formatGainInterval, formatNe } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { barePoint, curveChart, curvePoint, neAxis } from './charts.ts'
import { anyLagMs, servedArm, standardUpstream } from './common-arms.ts'

const upstreams = {
  warm: { start: 'warm', alignment: 'procrustes' },
  scratch: { start: 'scratch', alignment: 'procrustes' },
  distillation: { start: 'warm', alignment: 'distillation' },
  both: { start: 'warm', alignment: 'both' },
} as const
type UpstreamName = keyof typeof upstreams

const averaging = (...weights: number[]): Averaging => ({ weights, maxLagMs: anyLagMs })
const averages = {
  latest: averaging(1),
  'average-2': averaging(1, 1),
  'average-3': averaging(1, 1, 1),
  'average-5': averaging(1, 1, 1, 1, 1),
  exponential: averaging(1, 0.5, 0.25, 0.125, 0.0625),
}
type AverageName = keyof typeof averages

const allMethods: readonly Method[] = [
  ...(['warm', 'scratch'] as const).flatMap((upstream) => [
    ...(Object.keys(averages) as AverageName[]).map((average) => ({ upstream, aligned: false, average })),
    ...(['latest', 'average-3', 'exponential'] as const).map((average) => ({ upstream, aligned: true, average })),
  ]),
  ...(['distillation', 'both'] as const).flatMap((upstream) =>
    (['latest', 'average-3'] as const).map((average) => ({ upstream, aligned: true, average })),
  ),
]

/** A quick run has one average of each kind. */
const methodsOf = ({ quick }: LabLog) =>
  quick ? allMethods.filter(({ average }) => average !== 'average-2' && average !== 'average-5') : allMethods

/** Publications from one retraining of the downstream model to the next. A quick run has too few for the last. */
const retrainedEvery = ({ quick }: LabLog) => (quick ? [1, 3] : [1, 3, 7])

/** From the snapshot that a model was retrained on last to the last one before it is retrained again, at the longest. */
const mostApart = (lab: LabLog) => Math.max(...retrainedEvery(lab)) - 1

/** The towers of an upstream, lined up or not. */
interface Side {
  readonly upstream: UpstreamName
  /** Whether snapshots are read in coordinates lined up with the one before. */
  readonly aligned: boolean
}

interface Method extends Side {
  readonly average: AverageName
}

const armName = ({ upstream, aligned }: Side) => `${upstream}-${aligned ? 'aligned' : 'raw'}`
const sideTitle = ({ upstream, aligned }: Side) => `${upstream}, ${aligned ? 'as published' : 'raw'}`
const setupName = (average: AverageName, every: number) => `${average}-every-${every}`
const nameOf = (method: Method, every: number) => `${armName(method)}#${setupName(method.average, every)}`
const titleOf = ({ upstream, aligned, average }: Method) => `${upstream}, ${aligned ? 'aligned' : 'raw'}, ${average}`
const planOf = (name: UpstreamName, seed: number): UpstreamPlan => ({ ...standardUpstream(seed), ...upstreams[name] })
const sides = (Object.keys(upstreams) as UpstreamName[]).flatMap((upstream): Side[] => [
  ...(upstream === 'warm' || upstream === 'scratch' ? [{ upstream, aligned: false }] : []),
  { upstream, aligned: true },
])
const panelName = (side: Side) => `panel-${armName(side)}`

/** To a model that learns on at every step: new features through new weights, and through weights that stay. */
const learningOn = { recurring: 'recurring snapshots', 'first-alone': 'the first snapshot alone' } as const

export const drift: Experiment = {
  name: 'drift',
  question: 'What keeps recurring snapshots in line, and what is that worth?',
  measure:
    'Cosine, relative L2 and CKA between neighbouring snapshots, between those that a model meets last before it is retrained and the one it was trained on, and between the averages served as of them, on the same users’ features; normalized entropy of the sparse model when it is retrained at every 1st, 3rd and 7th publication, and, learning on at every step, on recurring snapshots and on the first alone.',
  rule: 'Alignment is worth it where, retrained at every 3rd publication, the average of 3 aligned snapshots gains at least 0.2 % over the average of 3 raw ones, both intervals above 0 after Holm, with a mean cosine between neighbouring averages of at least 0.99 warm and 0.98 from scratch.',
  models: () => ['sparse'],
  arms: driftArms,
  conclude,
}

function driftArms(lab: LabLog, seed: number): Arm[] {
  return [
    ...sides.map((side) =>
      servedArm(lab, seed, {
        name: armName(side),
        title: sideTitle(side),
        source: side.aligned ? 'tower' : 'raw',
        models: ['sparse'],
        setups: setupsOf(lab, side),
        upstream: planOf(side.upstream, seed),
      }),
    ),
    ...Object.entries(learningOn).map(([name, title]) =>
      servedArm(lab, seed, {
        name,
        title: `${title}, refreshed on events`,
        source: 'tower',
        models: ['sparse'],
        upstream: { ...planOf('warm', seed), ...(name === 'first-alone' && { firstAlone: true }) },
      }),
    ),
    ...sides.map((side) =>
      panelArm({
        name: panelName(side),
        title: `panel of ${sideTitle(side)}`,
        seed,
        upstream: planOf(side.upstream, seed),
        aligned: side.aligned,
        averaging: averages['average-3'],
        apart: mostApart(lab),
      }),
    ),
  ]
}

function setupsOf(lab: LabLog, { upstream, aligned }: Side): Setup[] {
  const own = methodsOf(lab).filter((method) => method.upstream === upstream && method.aligned === aligned)
  return own.flatMap(({ average }) =>
    retrainedEvery(lab).map((every) => ({
      name: setupName(average, every),
      averaging: averages[average],
      deployment: { kind: 'publications', every },
    })),
  )
}

function conclude(outcomes: Outcomes): Findings {
  const methods = methodsOf(outcomes.lab)
  const intervals = retrainedEvery(outcomes.lab)
  const apart = mostApart(outcomes.lab)
  const scoreOf = (arm: string) => scoreArm(outcomes, arm, 'sparse')
  const neOf = (method: Method, every: number) => scoreOf(nameOf(method, every)).ne
  /** Of an aligned average over one of aligned or raw vectors. */
  const gainOf = (upstream: UpstreamName, every: number, average: AverageName, over: Omit<Method, 'upstream'>) => {
    const [arm, other] = [
      { upstream, aligned: true, average },
      { upstream, ...over },
    ].map((own) => nameOf(own, every))
    return compare(outcomes, 'sparse', arm, other)!
  }
  const rawAverage = { aligned: false, average: 'average-3' } as const
  const pair = (upstream: UpstreamName, every: number) => gainOf(upstream, every, 'average-3', rawAverage)
  const claims = adjusted(outcomes, [pair('warm', 3), pair('scratch', 3)])
  const others = (['warm', 'scratch'] as const).flatMap((upstream) => [
    ...intervals.filter((every) => every !== 3).map((every) => pair(upstream, every)),
    ...intervals.map((every) => gainOf(upstream, every, 'average-3', { aligned: true, average: 'latest' })),
    ...intervals.map((every) => gainOf(upstream, every, 'exponential', rawAverage)),
  ])
  const newSnapshots = compare(outcomes, 'sparse', 'recurring', 'first-alone')!
  const cosineOf = (upstream: UpstreamName, aligned: boolean) =>
    meanColumn(outcomes, { upstream, aligned }, 'averageCosine')
  const [warm, scratch] = claims
  const cosines = { warm: cosineOf('warm', true), scratch: cosineOf('scratch', true) }
  const arms = methods.flatMap((own) => intervals.map((every) => nameOf(own, every)))
  return {
    holds:
      claims.every((own) => own.gain.value >= 0.002 && isShown(own)) && cosines.warm >= 0.99 && cosines.scratch >= 0.98,
    verdict: `Retrained every 3 snapshots, aligned averages of 3 gain ${formatGainInterval(warm.gain)} over raw ones warm and ${formatGainInterval(scratch.gain)} from scratch. The mean cosine between neighbouring averages is ${formatDrift(cosines.warm)} warm (raw ${formatDrift(cosineOf('warm', false))}) and ${formatDrift(cosines.scratch)} from scratch (raw ${formatDrift(cosineOf('scratch', false))}). To a model that learns on at every step, new snapshots gain ${formatGainInterval(newSnapshots.gain)} over the first alone.`,
    scores: [...arms, ...Object.keys(learningOn)].map(scoreOf),
    comparisons: [...claims, ...others, newSnapshots],
    gapShares: [],
    charts: [
      ...(['warm', 'scratch'] as const).map((upstream) => {
        const shown = methods.filter(
          (own) => own.upstream === upstream && (own.average === 'latest' || own.average === 'average-3'),
        )
        return curveChart(
          `NE by how often the downstream model is retrained, ${upstream}`,
          'Of the sparse model. Snapshots go on between its retrainings.',
          { label: 'publications from one retraining to the next' },
          neAxis,
          shown.map((method) => ({
            name: `${method.aligned ? 'aligned' : 'raw'}, ${method.average}`,
            points: intervals.map((every) => curvePoint(`every ${every}`, every, neOf(method, every))),
          })),
        )
      }),
      cosineChart(outcomes),
      ...(['scratch', 'warm'] as const).flatMap((upstream) =>
        [false, true].map((aligned) => mapChart(outcomes, { upstream, aligned })),
      ),
    ],
    tables: [
      tableOf('NE of the sparse model by what is served and how often it is retrained', methods, [
        ['served', titleOf],
        ...intervals.map((every) => [`every ${every}`, (own: Method) => formatNe(neOf(own, every).value)] as const),
      ]),
      tableOf(
        `Drift between neighbouring snapshots, between the averages of 3 as of them, and between snapshots ${apart} publications apart, means`,
        sides,
        [
          ['snapshots', sideTitle],
          ...Object.entries(driftColumns(apart)).map(
            ([column, head]) => [head, (side: Side) => formatDrift(meanColumn(outcomes, side, column))] as const,
          ),
        ],
      ),
    ],
  }
}

/** Of the table of drift: an arm's columns, and what the table calls them. */
const driftColumns = (apart: number) => ({
  cosine: 'cosine',
  relativeL2: 'relative L2',
  cka: 'CKA',
  averageCosine: 'cosine of averages',
  averageRelativeL2: 'relative L2 of averages',
  cosineApart: `cosine, ${apart} apart`,
  relativeL2Apart: `relative L2, ${apart} apart`,
})

function meanColumn(outcomes: Outcomes, side: Side, column: string): number {
  return mean(outcomes.ofArm(panelName(side)).map(({ columns }) => mean(columns[column])))
}

function cosineChart(outcomes: Outcomes): Chart {
  return curveChart(
    'Cosine between neighbouring snapshots',
    'Mean over a panel of users, on the same features.',
    { label: 'snapshot, against the one before' },
    { label: 'cosine · 1 = none' },
    sides.map((side) => {
      const cosines = outcomes.ofArm(panelName(side)).map(({ columns }) => columns.cosine)
      const points = [...cosines[0].keys()].map((i) =>
        barePoint(`snapshot ${i + 2}`, i + 2, mean(cosines.map((own) => own[i]))),
      )
      return { name: sideTitle(side), points }
    }),
  )
}

/** Users that a map shows. */
const shownUsers = 5

function mapChart(outcomes: Outcomes, side: Side): Chart {
  const [{ columns, figures }] = outcomes.ofArm(panelName(side))
  const { drawnUsers } = figures
  const snapshots = Array.from({ length: columns.mapX.length / drawnUsers }, (_, k) => k)
  return curveChart(
    `Drift map, ${sideTitle(side)}`,
    'Five users’ vectors from snapshot to snapshot, on the same features, in the plane in which vectors spread most.',
    { label: 'first principal direction' },
    { label: 'second' },
    Array.from({ length: Math.min(shownUsers, drawnUsers) }, (_, user) => ({
      name: `user ${user + 1}`,
      points: snapshots.map((k) => {
        const at = k * drawnUsers + user
        return barePoint(`snapshot ${k + 1}`, columns.mapX[at], columns.mapY[at])
      }),
    })),
  )
}
