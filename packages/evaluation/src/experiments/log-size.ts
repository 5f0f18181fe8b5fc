/** From which size of the log on learning from sequences beats counting: towers that learn from more and more users. */
import type { Schema, SequenceFeature } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import { headArm } from '../lab/arms/head-arm.ts'
import { optimumArm } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { labOf, type Variant } from '../lab/upstream/variant.ts'
import type { Findings } from '../report/findings.ts'
import { formatCompactCount, formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { curvePoint, neAxis } from './charts.ts'
import { variantUpstream } from './common-arms.ts'

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
    ...(lab.world === null ? [] : [optimumArm(lab.settings)]),
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
  return headArm({
    name: armOf(input, part),
    title: `upstream's own head: ${titles[input]}, learnt from ${partTitle(part)}`,
    seed,
    policy: { kind: 'synchronous' },
    frozen: false,
    upstream: variantUpstream(lab, seed, variantOf(lab, input, part)),
  })
}

function variantOf(lab: LabLog, input: Input, part: number): Variant {
  const { config } = lab.settings
  const counts = lab.log.schema.aggregations.filter(({ of }) => of === 'user').map(({ name }) => name)
  const given = {
    withoutAggregations: input === 'sequences' ? counts : [],
    singleTask: false,
    ...(input !== 'counts' && { sequence: sequenceOf(lab) }),
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
  const { lab } = outcomes
  const parts = partsOf(lab)
  const arms = parts.flatMap((part) => inputs.map((input) => armOf(input, part)))
  const scores = arms.map((arm) => scoreArm(outcomes, arm, 'head'))
  const claims = adjusted(
    parts.map((part) => compare(outcomes, 'head', armOf('sequences', part), armOf('counts', part))!),
  )
  const enough = parts.filter((_, i) => claims.slice(i).every(isShown))
  const rowsOf = (part: number) => outcomes.figure(armOf('counts', part), 'taughtRows')
  const [first, last] = [claims[0], claims[claims.length - 1]]
  const gaps = gapShares(
    outcomes,
    arms.map((arm) => ({ arm, model: 'head' as const })),
  )
  const neOf = (arm: string) => scores.find((score) => score.arm === arm)!.ne
  const found =
    enough.length > 0
      ? `The smallest size that is enough is ${formatCompactCount(rowsOf(enough[0]))} rows.`
      : `None of the sizes up to ${formatCompactCount(rowsOf(1))} rows is enough.`
  return {
    holds: enough.length > 0,
    verdict: `${found} Over counts, sequences alone gain ${formatGainInterval(first.gain)} where the tower learns from ${formatCompactCount(rowsOf(parts[0]))} rows, and ${formatGainInterval(last.gain)} where it learns from ${formatCompactCount(rowsOf(1))}.`,
    scores,
    comparisons: claims,
    gapShares: gaps,
    charts: [
      {
        title: 'NE by the size of the log',
        caption:
          'Rows that the last snapshot has learnt from; all towers are scored on the same rows. Intervals are of users and seeds.',
        kind: 'curve',
        x: { label: 'rows, log scale', log: true },
        y: neAxis,
        series: inputs.map((input) => ({
          name: titles[input],
          points: parts.map((part) => curvePoint(partTitle(part), rowsOf(part), neOf(armOf(input, part)))),
        })),
      },
    ],
    tables: [
      {
        title: 'Sequences and counts',
        head: ['learns from', 'rows', ...inputs.map((input) => `NE, ${titles[input]}`), 'sequences over counts'],
        rows: parts.map((part, i) => [
          partTitle(part),
          formatCompactCount(rowsOf(part)),
          ...inputs.map((input) => formatNe(neOf(armOf(input, part)).value)),
          formatGainInterval(claims[i].gain),
        ]),
      },
      {
        title: 'The towers',
        head: ['given', 'parameters', 'MFLOP an embedding', 'GFLOP of training, all users'],
        rows: inputs.map((input) => [
          titles[input],
          formatCompactCount(outcomes.figure(armOf(input, 1), 'towerParameters')),
          formatFixed(outcomes.figure(armOf(input, 1), 'encodeFlops') / 1e6, 3),
          formatFixed(outcomes.figure(armOf(input, 1), 'trainingFlops') / 1e9, 0),
        ]),
      },
    ],
  }
}
