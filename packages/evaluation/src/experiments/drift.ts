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
import { barePoint, curvePoint, neAxis } from './charts.ts'
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

interface Method {
  readonly upstream: UpstreamName
  /** Whether snapshots are read in coordinates lined up with the one before. */
  readonly aligned: boolean
  readonly average: AverageName
}

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
const retrainedEvery = ({ quick }: LabLog): readonly Every[] => (quick ? [1, 3] : [1, 3, 7])
type Every = 1 | 3 | 7

/** From the snapshot that a model was retrained on last to the last one before it is retrained again, at the longest. */
const mostApart = (lab: LabLog) => Math.max(...retrainedEvery(lab)) - 1

const armName = ({ upstream, aligned }: Pick<Method, 'upstream' | 'aligned'>) =>
  `${upstream}-${aligned ? 'aligned' : 'raw'}`
const setupName = (average: AverageName, every: Every) => `${average}-every-${every}`
const nameOf = (method: Method, every: Every) => `${armName(method)}#${setupName(method.average, every)}`
const titleOf = ({ upstream, aligned, average }: Method) => `${upstream}, ${aligned ? 'aligned' : 'raw'}, ${average}`
const planOf = (name: UpstreamName, seed: number): UpstreamPlan => ({ ...standardUpstream(seed), ...upstreams[name] })
const panels = (Object.keys(upstreams) as UpstreamName[]).flatMap((upstream) => [
  ...(upstream === 'warm' || upstream === 'scratch' ? [{ upstream, aligned: false }] : []),
  { upstream, aligned: true },
])
const panelName = (upstream: UpstreamName, aligned: boolean) => `panel-${upstream}-${aligned ? 'aligned' : 'raw'}`

/** To a model that learns on at every step: new features through new weights, and through weights that stay. */
const recurring = 'recurring'
const firstAlone = 'first-alone'

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
    ...panels.map(({ upstream, aligned }) =>
      servedArm(lab, seed, {
        name: armName({ upstream, aligned }),
        title: `${upstream}, ${aligned ? 'as published' : 'raw'}`,
        source: aligned ? 'tower' : 'raw',
        models: ['sparse'],
        setups: setupsOf(lab, upstream, aligned),
        upstream: planOf(upstream, seed),
      }),
    ),
    servedArm(lab, seed, {
      name: recurring,
      title: 'recurring snapshots, refreshed on events',
      source: 'tower',
      models: ['sparse'],
      upstream: planOf('warm', seed),
    }),
    servedArm(lab, seed, {
      name: firstAlone,
      title: 'the first snapshot alone, refreshed on events',
      source: 'tower',
      models: ['sparse'],
      upstream: { ...planOf('warm', seed), firstAlone: true },
    }),
    ...panels.map(({ upstream, aligned }) =>
      panelArm({
        name: panelName(upstream, aligned),
        title: `panel of ${upstream}, ${aligned ? 'as published' : 'raw'}`,
        seed,
        upstream: planOf(upstream, seed),
        aligned,
        averaging: averages['average-3'],
        apart: mostApart(lab),
      }),
    ),
  ]
}

function setupsOf(lab: LabLog, upstream: UpstreamName, aligned: boolean): Setup[] {
  return methodsOf(lab)
    .filter((method) => method.upstream === upstream && method.aligned === aligned)
    .flatMap(({ average }) =>
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
  const scores = methods.flatMap((method) =>
    intervals.map((every) => scoreArm(outcomes, nameOf(method, every), 'sparse')),
  )
  const pair = (upstream: UpstreamName, every: Every) => {
    const arm = nameOf({ upstream, aligned: true, average: 'average-3' }, every)
    const over = nameOf({ upstream, aligned: false, average: 'average-3' }, every)
    return compare(outcomes, 'sparse', arm, over)!
  }
  const claims = adjusted([pair('warm', 3), pair('scratch', 3)])
  const others = (['warm', 'scratch'] as const).flatMap((upstream) => [
    ...intervals.filter((every) => every !== 3).map((every) => pair(upstream, every)),
    ...intervals.map((every) => {
      const aligned = { upstream, aligned: true } as const
      const arm = nameOf({ ...aligned, average: 'average-3' }, every)
      return compare(outcomes, 'sparse', arm, nameOf({ ...aligned, average: 'latest' }, every))!
    }),
    ...intervals.map((every) => {
      const arm = nameOf({ upstream, aligned: true, average: 'exponential' }, every)
      return compare(outcomes, 'sparse', arm, nameOf({ upstream, aligned: false, average: 'average-3' }, every))!
    }),
  ])
  const newSnapshots = compare(outcomes, 'sparse', recurring, firstAlone)!
  const cosineOf = (upstream: UpstreamName, aligned: boolean) =>
    meanColumn(outcomes, panelName(upstream, aligned), 'averageCosine')
  const [warm, scratch] = claims
  const cosines = { warm: cosineOf('warm', true), scratch: cosineOf('scratch', true) }
  const holds =
    claims.every((own) => own.gain.value >= 0.002 && isShown(own)) && cosines.warm >= 0.99 && cosines.scratch >= 0.98
  const neOf = (method: Method, every: Every) => scores.find(({ arm }) => arm === nameOf(method, every))!.ne
  return {
    holds,
    verdict: `Retrained every 3 snapshots, aligned averages of 3 gain ${formatGainInterval(warm.gain)} over raw ones warm and ${formatGainInterval(scratch.gain)} from scratch. The mean cosine between neighbouring averages is ${formatDrift(cosines.warm)} warm (raw ${formatDrift(cosineOf('warm', false))}) and ${formatDrift(cosines.scratch)} from scratch (raw ${formatDrift(cosineOf('scratch', false))}). To a model that learns on at every step, new snapshots gain ${formatGainInterval(newSnapshots.gain)} over the first alone.`,
    scores: [...scores, ...[recurring, firstAlone].map((arm) => scoreArm(outcomes, arm, 'sparse'))],
    comparisons: [...claims, ...others, newSnapshots],
    gapShares: [],
    charts: [
      ...(['warm', 'scratch'] as const).map(
        (upstream): Chart => ({
          title: `NE by how often the downstream model is retrained, ${upstream}`,
          caption: 'Of the sparse model. Snapshots go on between its retrainings.',
          kind: 'curve',
          x: { label: 'publications from one retraining to the next' },
          y: neAxis,
          series: methods
            .filter((own) => own.upstream === upstream && (own.average === 'latest' || own.average === 'average-3'))
            .map((method) => ({
              name: `${method.aligned ? 'aligned' : 'raw'}, ${method.average}`,
              points: intervals.map((every) => curvePoint(`every ${every}`, every, neOf(method, every))),
            })),
        }),
      ),
      cosineChart(outcomes),
      ...(['scratch', 'warm'] as const).flatMap((upstream) =>
        [false, true].map((aligned) => mapChart(outcomes, upstream, aligned)),
      ),
    ],
    tables: [
      {
        title: 'NE of the sparse model by what is served and how often it is retrained',
        head: ['served', ...intervals.map((every) => `every ${every}`)],
        rows: methods.map((method) => [
          titleOf(method),
          ...intervals.map((every) => formatNe(neOf(method, every).value)),
        ]),
      },
      {
        title: `Drift between neighbouring snapshots, between the averages of 3 as of them, and between snapshots ${mostApart(outcomes.lab)} publications apart, means`,
        head: ['snapshots', ...driftColumns.map(({ head }) => head(mostApart(outcomes.lab)))],
        rows: panels.map(({ upstream, aligned }) => [
          `${upstream}, ${aligned ? 'as published' : 'raw'}`,
          ...driftColumns.map(({ column }) => formatDrift(meanColumn(outcomes, panelName(upstream, aligned), column))),
        ]),
      },
    ],
  }
}

/** Of the table of drift, as an arm's column and by its title, which may tell how far apart snapshots are. */
const driftColumns: readonly { readonly column: string; readonly head: (apart: number) => string }[] = [
  { column: 'cosine', head: () => 'cosine' },
  { column: 'relativeL2', head: () => 'relative L2' },
  { column: 'cka', head: () => 'CKA' },
  { column: 'averageCosine', head: () => 'cosine of averages' },
  { column: 'averageRelativeL2', head: () => 'relative L2 of averages' },
  { column: 'cosineApart', head: (apart) => `cosine, ${apart} apart` },
  { column: 'relativeL2Apart', head: (apart) => `relative L2, ${apart} apart` },
]

function meanColumn(outcomes: Outcomes, arm: string, column: string): number {
  return mean(outcomes.ofArm(arm).map(({ columns }) => mean(columns[column])))
}

function cosineChart(outcomes: Outcomes): Chart {
  return {
    title: 'Cosine between neighbouring snapshots',
    caption: 'Mean over a panel of users, on the same features.',
    kind: 'curve',
    x: { label: 'snapshot, against the one before' },
    y: { label: 'cosine · 1 = none' },
    series: panels.map(({ upstream, aligned }) => {
      const arms = outcomes.ofArm(panelName(upstream, aligned))
      return {
        name: `${upstream}, ${aligned ? 'as published' : 'raw'}`,
        points: Array.from(arms[0].columns.cosine, (_, i) => {
          const cosine = mean(arms.map(({ columns }) => columns.cosine[i]))
          return barePoint(`snapshot ${i + 2}`, i + 2, cosine)
        }),
      }
    }),
  }
}

/** Users that a map shows. */
const shownUsers = 5

function mapChart(outcomes: Outcomes, upstream: UpstreamName, aligned: boolean): Chart {
  const [{ columns, figures }] = outcomes.ofArm(panelName(upstream, aligned))
  const snapshots = columns.mapX.length / figures.drawnUsers
  return {
    title: `Drift map, ${upstream}, ${aligned ? 'as published' : 'raw'}`,
    caption:
      'Five users’ vectors from snapshot to snapshot, on the same features, in the plane in which vectors spread most.',
    kind: 'curve',
    x: { label: 'first principal direction' },
    y: { label: 'second' },
    series: Array.from({ length: Math.min(shownUsers, figures.drawnUsers) }, (_, user) => ({
      name: `user ${user + 1}`,
      points: Array.from({ length: snapshots }, (__, k) => {
        const at = k * figures.drawnUsers + user
        return barePoint(`snapshot ${k + 1}`, columns.mapX[at], columns.mapY[at])
      }),
    })),
  }
}
