/** What embeddings are worth that the store and the pooling serve as live traffic. `headwater run` runs it by itself. */
import { defaultTraining } from '@headwater/training'
import { adjusted, compare, isShown, scoreArm } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { type TrafficArmPlan, trafficArm } from '../../lab/arms/traffic-arm.ts'
import type { Experiment } from '../../lab/experiment.ts'
import { ExperimentError } from '../../lab/log/experiment-error.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import { type LabSettings, realLab } from '../../lab/log/settings.ts'
import { wallClockPercents } from '../../replay/wall-clock.ts'
import type { Findings, RankScore } from '../../report/findings.ts'
import { formatDuration, formatGainInterval, formatNe, formatPercent } from '../../report/format.ts'
import { type Arm, arms, baselines, type ProgressiveTenth } from '../../report/main-job/result.ts'
import { tableOf } from '../../report/table.ts'
import { gainChart } from '../charts.ts'
import { liveFigures, nameOf, progressiveTenths, trafficName } from './scores.ts'

const dayMs = 86_400_000

/** What `headwater run` does with a log. */
export const mainJobSettings: LabSettings = { ...realLab, training: defaultTraining, snapshots: 9 }

/** How traffic is served and timed. */
export type ServingPlan = Omit<TrafficArmPlan, 'name' | 'title' | 'seed'>

export const usualServing: ServingPlan = {
  pooling: { count: 1, maxLagMs: 3 * dayMs },
  panelUsers: 2000,
  timedReads: 20_000,
  timedEvents: 200,
}

export function mainJobExperiment(serving: ServingPlan): Experiment {
  return {
    name: 'main-job',
    question: 'What are embeddings worth that are served as live traffic?',
    measure:
      'Relative gain in normalized entropy on the test window of the ranking model, every row predicted before it is trained on, with the pooled embedding that the store serves, over the same model without, over each control and over a linear model; latency of reads and freshness by the wall’s clock.',
    rule: 'Yes where the served embedding gains over each baseline, which are the model without, the model given the tower’s input features and a linear model, and over the same tower untrained: all intervals above 0 after Holm.',
    models: () => ['ranking'],
    check,
    arms: (_, seed) => [trafficArm({ name: trafficName, title: 'served as live traffic', seed, ...serving })],
    conclude,
  }
}

export const mainJob: Experiment = mainJobExperiment(usualServing)

const leastRows = 1000

/** @throws ExperimentError where the log is short, its times do not go on behind the first snapshot, or the scored rows have one class or one user */
function check({ log, test, publicationRows, publishedMs }: LabLog): void {
  const refuse = (reason: string, remedy: string) => {
    throw new ExperimentError(log.name, reason, remedy)
  }
  const count = (rows: number) => rows.toLocaleString('en')
  if (log.rows < leastRows)
    refuse(`the log has ${count(log.rows)} rows`, `the main job needs ${count(leastRows)} for its rounds`)
  const [first] = publicationRows
  if (!(publishedMs[0] < log.timeRange.lastMs))
    refuse(
      `all rows from ${first} on have one time, so none of them can be served what was learnt before`,
      'give times that tell the rows apart',
    )
  const where = `the log's last ${count(test.rows)} rows, on which models are scored,`
  const { labels } = test.models.ranking
  if (!labels.includes(0) || !labels.includes(1))
    refuse(
      `${where} have one class of task "${log.schema.tasks[0].name}"`,
      'use a longer log, or another first task or "atLeast"',
    )
  if (test.userCount < 2) refuse(`${where} have one user`, 'use a log of more users')
}

function conclude(outcomes: Outcomes): Findings {
  const over = (arm: Arm, other: Arm) => compare(outcomes, 'ranking', nameOf(arm), nameOf(other))!
  const claims = adjusted(
    outcomes,
    [...baselines, 'untrained' as const].map((other) => over('with', other)),
  )
  const others = arms.filter((arm) => arm !== 'without' && arm !== 'with').map((arm) => over(arm, 'without'))
  const [gain, features, linear, untrained] = claims
  const [{ columns }] = outcomes.ofArm(trafficName)
  const hitRate = outcomes.figure(trafficName, 'hitRate')
  const popularity = liveFigures(outcomes)?.popularity ?? null
  return {
    holds: claims.every(isShown),
    verdict: `Served embeddings gain ${formatGainInterval(features.gain)} over the tower's input features, ${formatGainInterval(linear.gain)} over a linear model, ${formatGainInterval(gain.gain)} over none and ${formatGainInterval(untrained.gain)} over the untrained tower's; ${formatPercent(hitRate)} of the reads found one.`,
    scores: arms.map((arm) => scoreArm(outcomes, nameOf(arm), 'ranking')),
    comparisons: [...claims, ...others],
    gapShares: [],
    charts: [
      gainChart(
        'Gain of what is served',
        'Over the same model without an embedding, with 95 % intervals of users and seeds.',
        'arm',
        [gain, ...others],
      ),
    ],
    tables: [
      ...(popularity === null ? [] : [popularityTable(popularity)]),
      tableOf('Normalized entropy over the log', progressiveTenths(outcomes), [
        ['from row', ({ fromRow }) => String(fromRow)],
        ...arms.map((arm) => [arm, ({ ne }: ProgressiveTenth) => formatNe(ne[arm])] as const),
      ]),
      tableOf('Serving, by wall clock, of the first seed', wallClockPercents, [
        ['percentile', String],
        ['read latency', (_, i) => formatDuration(columns.readUs[i] / 1000)],
        ['freshness', (_, i) => formatDuration(columns.freshnessMs[i])],
      ]),
    ],
  }
}

/** What the arms' recall and NDCG are to be held against. */
const popularityTable = ({ choices, at }: RankScore) =>
  tableOf(`All live items by how often each was taken, at ${choices} rows`, at, [
    ['k', ({ k }) => String(k)],
    ['recall@k', ({ recall }) => formatNe(recall.value)],
    ['NDCG@k', ({ ndcg }) => formatNe(ndcg.value)],
  ])
