/** One component of the upstream off at a time, and how its quality grows with its size. */
import { parseSchema, type Schema, SchemaError } from '@headwater/features'
import type { ExtractorConfig, LevelConfig, ModelConfig } from '@headwater/runtime'
import { adjusted, compare, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { Variant } from '../lab/upstream/variant.ts'
import type { Findings } from '../report/findings.ts'
import { formatCompactCount, formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { curveChart, curvePoint, namedChart, namedPoint, neAxis } from './charts.ts'
import { variantHead } from './common-arms.ts'

interface Named {
  readonly name: string
  readonly title: string
  readonly kind: 'full' | 'without' | 'size'
  readonly variant: Variant
}

const armOf = ({ name }: Pick<Named, 'name'>) => `tower-${name}`

export const ablation: Experiment = {
  name: 'ablation',
  question: 'What does each component of the upstream buy?',
  measure:
    'Normalized entropy of the upstream’s own head, synchronous, with one component off at a time, against all of them; and by the width and depth of its levels.',
  rule: 'A component earns its place where taking it off loses, the interval above 0 after Holm over all components. The answer is yes where every component does.',
  models: () => [],
  arms: (lab, seed) => variantsOf(lab).map((named) => variantHead(lab, seed, armOf(named), named.title, named.variant)),
  conclude,
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
const embeddingSizes = ({ quick, settings }: LabLog) => {
  const { width } = settings.config.embeddings
  const sizes = [
    [1, width],
    [2, width / 2],
    [2, 2 * width],
    [4, width],
  ]
  return quick ? sizes.slice(0, 1) : sizes
}

const sizeName = (hidden: number, depth: number) => `width-${hidden}-depth-${depth}`

function variantsOf(lab: LabLog): Named[] {
  const full = fullConfig(lab)
  const [level] = full.user.levels
  const { residual: _, ...withoutResidual } = level
  const { dense: __, ...withoutDense } = level
  const { schema } = lab.log
  const without = (name: string, title: string, changes: Partial<Variant>): Named => {
    return {
      name: `without-${name}`,
      title: `without ${title}`,
      kind: 'without',
      variant: { config: full, ...changes },
    }
  }
  const sized = (name: string, title: string, config: Partial<ModelConfig>): Named => {
    return { name, title, kind: 'size', variant: { config: { ...full, ...config } } }
  }
  const user = (changes: Partial<ModelConfig['user']>): ModelConfig => ({ ...full, user: { ...full.user, ...changes } })
  const mix = (changes: Partial<ModelConfig['mix']>): ModelConfig => ({ ...full, mix: { ...full.mix, ...changes } })
  const where = <T>(holds: boolean, make: () => T): T[] => (holds ? [make()] : [])
  return [
    { name: 'full', title: 'all components', kind: 'full', variant: { config: full } },
    ...level.extractors.map(({ kind }) =>
      without(kind, kind, { config: user({ levels: [withExtractors(level, (own) => own.kind !== kind)] }) }),
    ),
    ...where(schema.sequence !== undefined, () => {
      const tokens = full.user.tokens.filter(({ kind }) => kind !== 'events')
      return without('sequence', 'the sequence', { config: user({ tokens }) })
    }),
    without('residual', 'the residual', { config: user({ levels: [withoutResidual] }) }),
    without('dense-reinjection', 'dense tokens handed in again', { config: user({ levels: [withoutDense] }) }),
    ...featureGroups(schema).map(({ of, kind, names: withoutAggregations }) => {
      const name = of === 'user' ? `${kind}-features` : `item-${kind}-features`
      return without(name, `the ${of}'s ${kind} features`, { withoutAggregations })
    }),
    ...where(
      schema.fields.some(({ of }) => of === 'user'),
      () => without('user-fields', 'the user’s own fields', { withoutUserFields: true }),
    ),
    ...where(schema.tasks.length > 1, () => without('multi-task', 'the other tasks', { singleTask: true })),
    without('interaction', 'all dot products but one', {
      config: mix({ interaction: { kind: 'grouped', dots: 1 } }),
    }),
    without('mix-width', 'most of the mix tower’s hidden units', { config: mix({ hidden: [16] }) }),
    ...where(full.embeddings.linear === true, () => {
      const { linear: _, ...embeddings } = full.embeddings
      return without('linear', 'the linear map of the dense values', { config: { ...full, embeddings } })
    }),
    ...embeddingSizes(lab).map(([count, width]) => {
      const embeddings = { ...full.embeddings, count, width }
      return sized(`embeddings-${count}x${width}`, `${count} × ${width} embeddings`, { embeddings })
    }),
    ...where(!lab.quick, () => sized('mix-256-128', 'mix tower of 256 and 128', mix({ hidden: [256, 128] }))),
    ...depths(lab).flatMap((depth) =>
      widths(lab).map((hidden) => {
        const extractors = level.extractors.map((own) => (own.kind === 'mlp' ? { ...own, tokens: 1, hidden } : own))
        const first = { ...level, extractors }
        const second = withExtractors(first, ({ kind }) => kind === 'mlp' || kind === 'cross')
        const levels = [first, second].slice(0, depth)
        return sized(sizeName(hidden, depth), `MLP of ${hidden}, ${depth} deep`, user({ levels }))
      }),
    ),
  ]
}

/** Aggregations of a side and a kind, but for those that others are taken from: a residual needs its item's mean. */
function featureGroups(schema: Schema) {
  const sides = (['user', 'item'] as const).map((side) => schema.aggregations.filter(({ of }) => of === side))
  return sides.flatMap((own) =>
    [...new Set(own.map(({ kind }) => kind))]
      .map((kind) => ({ of: own[0].of, kind, names: own.filter((one) => one.kind === kind).map(({ name }) => name) }))
      .filter(({ names }) => canBeWithout(schema, names)),
  )
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
  const { lab } = outcomes
  const variants = variantsOf(lab)
  const scoreOf = (own: Pick<Named, 'name'>) => scoreArm(outcomes, armOf(own), 'head')
  const lossOf = (own: Named) => compare(outcomes, 'head', 'tower-full', armOf(own))!
  const components = variants.filter(({ kind }) => kind === 'without')
  const claims = adjusted(outcomes, components.map(lossOf))
  const earning = components.filter((_, i) => isShown(claims[i]))
  const idle = components.filter((own) => !earning.includes(own))
  const list = (named: readonly Named[]) => named.map(({ title }) => title.replace('without ', '')).join(', ') || 'none'
  const figure = (own: Pick<Named, 'name'>, name: string) => outcomes.figure(armOf(own), name)
  return {
    holds: idle.length === 0,
    verdict: `Earning their place here: ${list(earning)}. Not shown to: ${list(idle)}.`,
    scores: variants.map(scoreOf),
    comparisons: [...claims, ...variants.filter(({ kind }) => kind === 'size').map(lossOf)],
    gapShares: [],
    charts: [
      namedChart(
        'What each component buys',
        'Loss in normalized entropy where it is taken off, with 95 % intervals of users and seeds.',
        'loss without it, % · it earns its place →',
        components.map(({ name }, i) => namedPoint(shortName(name), claims[i].gain)),
        'loss',
      ),
      curveChart(
        'NE by the tower’s size',
        `Width of the levels’ MLP and their number${lab.quick ? ', the narrowest and the widest: a quick run' : ''}. Intervals are of the sample of users.`,
        { label: 'MFLOP an embedding, log scale', log: true },
        neAxis,
        depths(lab).map((depth) => ({
          name: `${depth} deep`,
          points: widths(lab).map((hidden) => {
            const own = { name: sizeName(hidden, depth) }
            return curvePoint(`MLP of ${hidden}`, figure(own, 'encodeFlops') / 1e6, scoreOf(own).ne)
          }),
        })),
      ),
    ],
    tables: [
      tableOf('Variants of the upstream', variants, [
        ['variant', ({ title }) => title],
        ['NE', (own) => formatNe(scoreOf(own).ne.value)],
        ['parameters', (own) => formatCompactCount(figure(own, 'towerParameters'))],
        ['MFLOP an embedding', (own) => formatFixed(figure(own, 'encodeFlops') / 1e6, 3)],
        ['GFLOP of training', (own) => formatFixed(figure(own, 'trainingFlops') / 1e9, 0)],
        ['all components over it', (own) => (own.kind === 'full' ? '–' : formatGainInterval(lossOf(own).gain))],
      ]),
    ],
  }
}
