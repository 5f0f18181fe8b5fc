/** One component of the upstream off at a time, and how its quality grows with its size. */
import { parseSchema, type Schema, SchemaError } from '@headwater/features'
import type { ExtractorConfig, LevelConfig, ModelConfig } from '@headwater/runtime'
import { adjusted, compare, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { type HeadArmPlan, headArm } from '../lab/arms/head-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { Variant } from '../lab/upstream/variant.ts'
import type { Comparison, Findings } from '../report/findings.ts'
import { formatCompactCount, formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { curvePoint, namedChart, namedPoint, neAxis } from './charts.ts'
import { variantUpstream } from './common-arms.ts'

interface Named {
  readonly name: string
  readonly title: string
  readonly kind: 'full' | 'without' | 'size'
  readonly variant: Variant
}

export const ablation: Experiment = {
  name: 'ablation',
  question: 'What does each component of the upstream buy?',
  measure:
    'Normalized entropy of the upstream’s own head, synchronous, with one component off at a time, against all of them; and by the width and depth of its levels.',
  rule: 'A component earns its place where taking it off loses, the interval above 0 after Holm over all components. The answer is yes where every component does.',
  models: () => [],
  arms: (lab, seed) => variantsOf(lab).map((named) => headArm(variantPlan(lab, seed, named))),
  conclude,
}

const armOf = (name: string) => `tower-${name}`

function variantPlan(lab: LabLog, seed: number, { name, title, variant }: Named): HeadArmPlan {
  return {
    name: armOf(name),
    title: `upstream's own head: ${title}`,
    seed,
    policy: { kind: 'synchronous' },
    frozen: false,
    upstream: variantUpstream(lab, seed, variant),
  }
}

/** Every extractor in one level, around the lab's own tower. */
function fullConfig({ settings }: LabLog): ModelConfig {
  const { config } = settings
  const [first] = config.user.levels
  const level: LevelConfig = {
    ...first,
    extractors: [
      ...first.extractors,
      { kind: 'compression', tokens: 1, columns: 4, hidden: 64 },
      { kind: 'cross', tokens: 1, layers: 2, rank: 16 },
      { kind: 'mixer', tokens: 1, tokenHidden: 16, channelHidden: 32 },
    ],
  }
  return { ...config, user: { ...config.user, levels: [level] } }
}

const withExtractors = (level: LevelConfig, keep: (own: ExtractorConfig) => boolean): LevelConfig => ({
  ...level,
  extractors: level.extractors.filter(keep),
})

/** A quick run has the ends of the curve of widths and what is smallest of the others. */
const widths = ({ quick }: LabLog) => (quick ? [64, 1024] : [64, 256, 1024])
const depths = ({ quick }: LabLog) => (quick ? [1] : [1, 2])
const embeddingSizes = ({ quick }: LabLog) => {
  const sizes = [
    [1, 96],
    [2, 48],
    [2, 32],
    [4, 96],
  ]
  return quick ? sizes.slice(0, 1) : sizes
}

function variantsOf(lab: LabLog): Named[] {
  const full = fullConfig(lab)
  const [level] = full.user.levels
  const { residual: _, ...withoutResidual } = level
  const { dense: __, ...withoutDense } = level
  const { schema } = lab.log
  const base: Variant = { config: full, withoutAggregations: [], singleTask: false }
  const off = (name: string, title: string, changes: Partial<Variant>): Named => ({
    name: `without-${name}`,
    title: `without ${title}`,
    kind: 'without',
    variant: { ...base, ...changes },
  })
  const sized = (name: string, title: string, config: ModelConfig): Named => ({
    name,
    title,
    kind: 'size',
    variant: { ...base, config },
  })
  const user = (changes: Partial<ModelConfig['user']>): ModelConfig => ({ ...full, user: { ...full.user, ...changes } })
  const extractors = level.extractors.map(({ kind }) =>
    off(kind, kind, { config: user({ levels: [withExtractors(level, (own) => own.kind !== kind)] }) }),
  )
  const groups = featureGroups(schema).map(({ of, kind, names }) =>
    off(of === 'user' ? `${kind}-features` : `item-${kind}-features`, `the ${of}'s ${kind} features`, {
      withoutAggregations: names,
    }),
  )
  const embeddings = embeddingSizes(lab).map(([count, width]) =>
    sized(`embeddings-${count}x${width}`, `${count} × ${width} embeddings`, {
      ...full,
      embeddings: { ...full.embeddings, count, width },
    }),
  )
  const scaled = depths(lab).flatMap((depth) =>
    widths(lab).map((hidden) => {
      const first = {
        ...level,
        extractors: level.extractors.map((own) => (own.kind === 'mlp' ? { ...own, tokens: 1, hidden } : own)),
      }
      const second = withExtractors(first, ({ kind }) => kind === 'mlp' || kind === 'cross')
      const levels = depth === 1 ? [first] : [first, second]
      return sized(`width-${hidden}-depth-${depth}`, `MLP of ${hidden}, ${depth} deep`, user({ levels }))
    }),
  )
  return [
    { name: 'full', title: 'all components', kind: 'full', variant: base },
    ...extractors,
    ...(schema.sequence === undefined
      ? []
      : [
          off('sequence', 'the sequence', {
            config: user({ tokens: full.user.tokens.filter(({ kind }) => kind !== 'events') }),
          }),
        ]),
    off('residual', 'the residual', { config: user({ levels: [withoutResidual] }) }),
    off('dense-reinjection', 'dense tokens handed in again', {
      config: user({ levels: [withoutDense] }),
    }),
    ...groups,
    ...(schema.fields.some((field) => field.of === 'user')
      ? [off('user-fields', 'the user’s own fields', { withoutUserFields: true })]
      : []),
    ...(schema.tasks.length > 1 ? [off('multi-task', 'the other tasks', { singleTask: true })] : []),
    off('interaction', 'all dot products but one', {
      config: { ...full, mix: { ...full.mix, interaction: { kind: 'grouped', dots: 1 } } },
    }),
    off('mix-width', 'most of the mix tower’s hidden units', {
      config: { ...full, mix: { ...full.mix, hidden: [16] } },
    }),
    ...embeddings,
    ...(lab.quick
      ? []
      : [sized('mix-256-128', 'mix tower of 256 and 128', { ...full, mix: { ...full.mix, hidden: [256, 128] } })]),
    ...scaled,
  ]
}

interface FeatureGroup {
  readonly of: 'user' | 'item'
  readonly kind: string
  readonly names: readonly string[]
}

/** Aggregations of a side and a kind, but for those that others are taken from: a residual needs its item's mean. */
function featureGroups(schema: Schema): FeatureGroup[] {
  const groups = new Map<string, { of: 'user' | 'item'; kind: string; names: string[] }>()
  for (const { of, kind, name } of schema.aggregations) {
    const group = groups.get(`${of} ${kind}`) ?? { of, kind, names: [] }
    group.names.push(name)
    groups.set(`${of} ${kind}`, group)
  }
  return [...groups.values()]
    .filter(({ names }) => canBeWithout(schema, names))
    .sort((a, b) => Number(a.of === 'item') - Number(b.of === 'item'))
}

function canBeWithout(schema: Schema, names: readonly string[]): boolean {
  const aggregations = schema.aggregations.filter(({ name }) => !names.includes(name))
  try {
    parseSchema({ ...schema, aggregations }, schema.name)
    return true
  } catch (error) {
    if (error instanceof SchemaError) return false
    throw error
  }
}

/** A chart has room for so little. */
const shortName = (name: string) => name.replace('without-', '').replaceAll('-', ' ')

function conclude(outcomes: Outcomes): Findings {
  const variants = variantsOf(outcomes.lab)
  const scores = variants.map(({ name }) => scoreArm(outcomes, armOf(name), 'head'))
  const loss = ({ name }: Named): Comparison => compare(outcomes, 'head', armOf('full'), armOf(name))!
  const components = variants.filter(({ kind }) => kind === 'without')
  const claims = adjusted(components.map(loss))
  const sizes = variants.filter(({ kind }) => kind === 'size')
  const others = sizes.map(loss)
  const earning = components.filter((_, i) => isShown(claims[i]))
  const holds = earning.length === components.length
  const list = (named: readonly Named[]) => named.map(({ title }) => title.replace('without ', '')).join(', ')
  const idle = components.filter((own) => !earning.includes(own))
  const scoreOf = (name: string) => scores.find(({ arm }) => arm === armOf(name))!
  const curves = depths(outcomes.lab).map((depth) => ({
    name: `${depth} deep`,
    points: widths(outcomes.lab).map((hidden) => {
      const name = `width-${hidden}-depth-${depth}`
      return curvePoint(`MLP of ${hidden}`, outcomes.figure(armOf(name), 'encodeFlops') / 1e6, scoreOf(name).ne)
    }),
  }))
  return {
    holds,
    verdict: `Earning their place here: ${list(earning) || 'none'}. Not shown to: ${list(idle) || 'none'}.`,
    scores,
    comparisons: [...claims, ...others],
    gapShares: [],
    charts: [
      namedChart(
        'What each component buys',
        'Loss in normalized entropy where it is taken off, with 95 % intervals of users and seeds.',
        'loss without it, % · it earns its place →',
        components.map(({ name }, i) => namedPoint(shortName(name), claims[i].gain)),
        'loss',
      ),
      {
        title: 'NE by the tower’s size',
        caption: `Width of the levels’ MLP and their number${outcomes.lab.quick ? ', the narrowest and the widest: a quick run' : ''}. Intervals are of the sample of users.`,
        kind: 'curve',
        x: { label: 'MFLOP an embedding, log scale', log: true },
        y: neAxis,
        series: curves,
      },
    ],
    tables: [
      {
        title: 'Variants of the upstream',
        head: ['variant', 'NE', 'parameters', 'MFLOP an embedding', 'GFLOP of training', 'all components over it'],
        rows: variants.map(({ name, title, kind }) => [
          title,
          formatNe(scoreOf(name).ne.value),
          formatCompactCount(outcomes.figure(armOf(name), 'towerParameters')),
          formatFixed(outcomes.figure(armOf(name), 'encodeFlops') / 1e6, 3),
          formatFixed(outcomes.figure(armOf(name), 'trainingFlops') / 1e9, 0),
          kind === 'full'
            ? '–'
            : formatGainInterval([...claims, ...others].find(({ over }) => over === armOf(name))!.gain),
        ]),
      },
    ],
  }
}
