/** What a snapshot's item vectors are worth to a downstream model that is given a memory's coefficients. */
import type { ModelConfig } from '@headwater/runtime'
import { adjusted, compare, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import { type DownstreamArmPlan, latestAlone, type Setup } from '../lab/arms/downstream-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import { ExperimentError } from '../lab/log/experiment-error.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { Variant } from '../lab/upstream/variant.ts'
import type { Findings } from '../report/findings.ts'
import { formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { gainChart } from './charts.ts'
import { servedArm, standardUpstream, withoutArm } from './common-arms.ts'

/** Numbers of an item's vector, and of an item's id in the mix tower that shares it. */
const width = 32
const decays = [0.0067, 0.1]

/** Publications that a table may be behind without having to be as good. */
const behind = 2

/** Of a model that is trained anew now and then, and meets snapshots between that it does not know. */
const every = 3
const setups: readonly Setup[] = [
  latestAlone,
  { ...latestAlone, name: `every-${every}`, deployment: { kind: 'publications', every } },
]
const seldom = setups[1].name

interface Meets {
  readonly name: string
  readonly title: string
  readonly source: 'tower' | 'raw'
  readonly meets?: NonNullable<DownstreamArmPlan['meets']>
}

const ways: readonly Meets[] = [
  { name: 'vectors', title: 'vectors alone', source: 'tower' },
  { name: 'own', title: 'with item vectors of its own', source: 'tower', meets: 'own' },
  { name: 'given', title: 'with those of the snapshot', source: 'tower', meets: { behind: 0 } },
  { name: 'given-late', title: `with those of ${behind} snapshots before`, source: 'tower', meets: { behind } },
  { name: 'given-raw', title: 'with those of the snapshot, neither lined up', source: 'raw', meets: { behind: 0 } },
]
const armName = ({ name }: Pick<Meets, 'name'>) => `items-${name}`
const [alone, own, given, late, raw] = ways.map(armName)

/** The lab's tower with a memory, whose coefficients stand behind as many embeddings as it has. */
function withMemory(config: ModelConfig): ModelConfig {
  const { user, embeddings, mix } = config
  const kept = Math.ceil((decays.length * (width + 4)) / embeddings.width)
  const tokens = user.tokens.filter(({ kind }) => kind !== 'memory')
  return {
    ...config,
    user: { ...user, tokens: [...tokens, { kind: 'memory', decays, width, shared: true }] },
    embeddings: { ...embeddings, count: embeddings.count + kept },
    mix: { ...mix, width },
  }
}

function variantOf({ log: { schema }, settings }: LabLog): Variant {
  const { value } = schema.sequence!
  const hasMean = schema.aggregations.some((each) => each.of === 'item' && each.kind === 'mean' && each.value === value)
  const buckets = schema.itemBuckets ?? schema.sequence!.buckets
  // What is left over an item's mean is what a memory is for; the two tables are one.
  return { config: withMemory(settings.config), sequence: { buckets, ...(hasMean && { residual: true }) } }
}

export const itemVectors: Experiment = {
  name: 'item-vectors',
  question: 'What are a snapshot’s item vectors worth beside its embeddings?',
  measure:
    'Relative gain in normalized entropy of the ranking model that is given the embeddings of a tower with a memory: with item vectors of its own, or with those of the snapshot that made the embedding, of one two publications before, and of towers that were not lined up; trained at every step, and deployed at every third publication.',
  rule: 'Item vectors are worth publishing where, learning at every step, the model given those of the snapshot gains over the one with vectors of its own, the interval above 0 after Holm over this and the gain of both over vectors alone.',
  models: () => ['ranking'],
  check({ log }) {
    if (log.schema.sequence !== undefined) return
    throw new ExperimentError(log.name, 'experiment "item-vectors" needs a sequence', 'give the schema one')
  },
  arms: itemArms,
  conclude,
}

function itemArms(lab: LabLog, seed: number): Arm[] {
  const upstream = { ...standardUpstream(seed), variant: variantOf(lab) }
  const shared = { models: ['ranking'] as const, setups, upstream }
  return [
    withoutArm(lab, seed),
    ...ways.map((way) => servedArm(lab, seed, { ...shared, ...way, name: armName(way), models: [...shared.models] })),
  ]
}

function conclude(outcomes: Outcomes): Findings {
  const pair = (arm: string, over: string) => compare(outcomes, 'ranking', arm, over)!
  const ofSetup = (arm: string) => `${arm}#${seldom}`
  const claims = adjusted(outcomes, [pair(given, own), pair(given, alone), pair(own, alone)])
  const beside = [
    ...ways.map((way) => pair(armName(way), 'without')),
    pair(late, given),
    pair(given, raw),
    pair(ofSetup(given), ofSetup(raw)),
    pair(ofSetup(given), ofSetup(own)),
  ]
  const [main] = claims
  const rows = ways.flatMap((way) =>
    setups.map(({ name }) => ({ way, arm: name === '' ? armName(way) : ofSetup(armName(way)) })),
  )
  return {
    holds: isShown(main),
    verdict: `Given the snapshot's item vectors the ranking model gains ${formatGainInterval(main.gain)} over item vectors of its own, and ${formatGainInterval(claims[1].gain)} over embeddings alone; a table ${behind} publications old is worth ${formatGainInterval(beside[ways.length].gain)} more.`,
    scores: [scoreArm(outcomes, 'without', 'ranking'), ...rows.map(({ arm }) => scoreArm(outcomes, arm, 'ranking'))],
    comparisons: [...claims, ...beside],
    gapShares: [],
    charts: [
      gainChart(
        'What the ranking model makes of a memory',
        'Over the same model without an embedding, with 95 % intervals of users and seeds.',
        'arm',
        beside.slice(0, ways.length),
      ),
    ],
    tables: [
      tableOf('Item vectors beside embeddings', rows, [
        ['the model', ({ way }) => way.title],
        ['deployed', ({ arm }) => (arm.includes('#') ? `at every ${every}rd publication` : 'at every step')],
        ['NE', ({ arm }) => formatNe(scoreArm(outcomes, arm, 'ranking').ne.value)],
        ['AUC', ({ arm }) => formatFixed(scoreArm(outcomes, arm, 'ranking').auc, 4)],
      ]),
    ],
  }
}
