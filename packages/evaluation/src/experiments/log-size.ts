/** From which size of the log on learning from sequences beats counting: towers that learn from more and more users. */
import type { Schema, SequenceFeature } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import { optimumArms } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { labOf, type Variant } from '../lab/upstream/variant.ts'
import type { Findings } from '../report/findings.ts'
import { formatCompactCount, formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { curveChart, curvePoint, neAxis } from './charts.ts'
import { variantHead } from './common-arms.ts'

const inputs = ['counts', 'sequences'] as const
type Input = (typeof inputs)[number]

const titles: Readonly<Record<Input, string>> = {
  counts: 'counts alone',
  sequences: 'sequences alone',
}

/** Users are taken by parts of four, down to so many rows of theirs; two parts at least. A quick run has two. */
const step = 4
const leastRows = 100_000

/** As long as what counts remember: theirs go back by weeks. */
const sequenceLength = 128

/** As many as a schema's sequence may have. */
const mostHalfLives = 16
/** In days, where counts have none. */
const usualHalfLives = [1, 7, 30]

export const logSize: Experiment = {
  name: 'log-size',
  question: 'From which size of the log on do sequences tell more of a user than counts?',
  measure:
    'Normalized entropy of the upstream’s own head, synchronous, whose tower is given the user’s counts alone or the user’s last 128 events alone, beside the user’s own fields, and learns from the rows of a part of the users. Events are summed at the counts’ half-lives, each as what the tower has learnt of its item’s id, alone and times the outcome; counts are by the item’s features. All are scored on the same rows of all users.',
  rule: 'A size is enough where sequences alone gain over counts alone, the interval above 0 after Holm over the sizes, there and at every larger size. The answer is yes where one is; the smallest is the size.',
  models: () => [],
  check({ log }) {
    const needs = (reason: string, remedy: string) => {
      throw new ExperimentError(log.name, `experiment "log-size" ${reason}`, remedy)
    }
    if (log.schema.sequence === undefined) needs('needs a sequence', 'give the schema one')
    if (!log.schema.aggregations.some(({ of }) => of === 'user'))
      needs('needs counts', 'give the schema user aggregations')
    if (halfLivesOf(log.schema).length > mostHalfLives)
      needs(`has a sequence of ${mostHalfLives} half-lives at most`, 'give the counts of users as many')
  },
  // The dearest first: what is left to the end takes little.
  arms: (lab, seed) => [
    ...partsOf(lab)
      .reverse()
      .flatMap((part) => inputs.map((input) => towerArm(lab, seed, input, part))),
    ...optimumArms(lab),
  ],
  conclude,
}

/** One over the parts of the users, the smallest part first. */
function partsOf({ log, quick }: LabLog): number[] {
  const parts = [step, 1]
  if (quick) return parts
  while (log.rows / (parts[0] * step) >= leastRows) parts.unshift(parts[0] * step)
  return parts
}

const armOf = (input: Input, part: number) => `${input}-of-${part}`
const partTitle = (part: number) => (part === 1 ? 'all users' : `one user in ${part}`)

function towerArm(lab: LabLog, seed: number, input: Input, part: number): Arm {
  const title = `${titles[input]}, learnt from ${partTitle(part)}`
  return variantHead(lab, seed, armOf(input, part), title, variantOf(lab, input, part))
}

function variantOf(lab: LabLog, input: Input, part: number): Variant {
  const { config } = lab.settings
  const counts = lab.log.schema.aggregations.filter(({ of }) => of === 'user').map(({ name }) => name)
  const given = {
    ...(input === 'sequences' && { withoutAggregations: counts, sequence: sequenceOf(lab) }),
    ...(part > 1 && { learntUsers: 1 / part }),
  }
  const { user } = labOf(lab, { config, ...given }).space
  return { config: configOf(config, input, user.dense.length > 0), ...given }
}

/** Outcomes are centered and scaled as the schema says, or else by the log's first rows. */
function sequenceOf({ log, outcome }: LabLog): Partial<SequenceFeature> {
  const { center, scale } = log.schema.sequence!
  const isScaled = center !== undefined || scale !== undefined
  return {
    length: sequenceLength,
    halfLivesDays: halfLivesOf(log.schema),
    ...(!isScaled && outcome !== null && { center: outcome.mean, scale: outcome.deviation }),
  }
}

/** Of the user's counts, each once. */
function halfLivesOf({ aggregations }: Schema): readonly number[] {
  const own = new Set(aggregations.flatMap(({ of, halfLifeDays }) => (of === 'user' && halfLifeDays) || []))
  return own.size > 0 ? [...own] : usualHalfLives
}

/** The lab's tower with one level of the same width whatever it is given, and sums of events. */
function configOf(config: ModelConfig, input: Input, hasDense: boolean): ModelConfig {
  const { user } = config
  const [first] = user.levels
  return {
    ...config,
    user: {
      ...user,
      tokens: [
        ...user.tokens.filter(({ kind }) => kind === 'bags' || (kind === 'dense' && hasDense)),
        ...(input === 'counts' ? [] : [{ kind: 'events', sums: true } as const]),
      ],
      levels: [{ ...first, extractors: [{ kind: 'mlp', tokens: 4, hidden: 256 }] }],
    },
  }
}

function conclude(outcomes: Outcomes): Findings {
  const parts = partsOf(outcomes.lab)
  const arms = parts.flatMap((part) => inputs.map((input) => armOf(input, part)))
  const scoreOf = (arm: string) => scoreArm(outcomes, arm, 'head')
  const claims = adjusted(
    outcomes,
    parts.map((part) => compare(outcomes, 'head', armOf('sequences', part), armOf('counts', part))!),
  )
  const enough = parts.filter((_, i) => claims.slice(i).every(isShown))
  const rowsOf = (part: number) => outcomes.figure(armOf('counts', part), 'taughtRows')
  const toldRows = (part: number) => formatCompactCount(rowsOf(part))
  const found =
    enough.length > 0
      ? `The smallest size that is enough is ${toldRows(enough[0])} rows.`
      : `None of the sizes up to ${toldRows(1)} rows is enough.`
  return {
    holds: enough.length > 0,
    verdict: `${found} Over counts, sequences alone gain ${formatGainInterval(claims[0].gain)} where the tower learns from ${toldRows(parts[0])} rows, and ${formatGainInterval(claims[claims.length - 1].gain)} where it learns from ${toldRows(1)}.`,
    scores: arms.map(scoreOf),
    comparisons: claims,
    gapShares: gapShares(
      outcomes,
      arms.map((arm) => ({ arm, model: 'head' as const })),
    ),
    charts: [
      curveChart(
        'NE by the size of the log',
        'Rows that the last snapshot has learnt from; all towers are scored on the same rows. Intervals are of users and seeds.',
        { label: 'rows, log scale', log: true },
        neAxis,
        inputs.map((input) => ({
          name: titles[input],
          points: parts.map((part) => curvePoint(partTitle(part), rowsOf(part), scoreOf(armOf(input, part)).ne)),
        })),
      ),
    ],
    tables: [
      tableOf('Sequences and counts', parts, [
        ['learns from', partTitle],
        ['rows', toldRows],
        ...inputs.map((input) => {
          const ne = (part: number) => formatNe(scoreOf(armOf(input, part)).ne.value)
          return [`NE, ${titles[input]}`, ne] as const
        }),
        ['sequences over counts', (_, i) => formatGainInterval(claims[i].gain)],
      ]),
      tableOf('The towers', inputs, [
        ['given', (input) => titles[input]],
        ['parameters', (input) => formatCompactCount(outcomes.figure(armOf(input, 1), 'towerParameters'))],
        ['MFLOP an embedding', (input) => formatFixed(outcomes.figure(armOf(input, 1), 'encodeFlops') / 1e6, 3)],
        [
          'GFLOP of training, all users',
          (input) => formatFixed(outcomes.figure(armOf(input, 1), 'trainingFlops') / 1e9, 0),
        ],
      ]),
    ],
  }
}
