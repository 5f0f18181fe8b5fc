/** The arms of `alternatives`: the tower and user representations simpler than it, each tuned alike. */
import type { ModelConfig } from '@headwater/runtime'
import { factorModelDefaults } from '../downstream/factor-model.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import { formatFixed } from '../report/format.ts'
import type { AlternativePlan } from '../representations/alternative.ts'
import { historyLength, type LearnedKind } from '../representations/learned-source.ts'
import { type ServedArmOptions, servedArm, servedWidth, splitModels, standardUpstream } from './common-arms.ts'

/** Factors of what is tuned, the same for all: so many that none is best at an end. */
const factors = [1 / 3, 1, 3, 9, 27] as const
/** Rows, of popularity. */
const shrinkage = 10

/** A quick run has the usual value alone. */
export function gridOf({ quick }: Pick<LabLog, 'quick'>): readonly number[] {
  return quick ? [1] : factors
}

export interface Alternative {
  readonly name: string
  readonly title: string
  /** Whether it predicts in the ranking model's place, so that there is one task and no vector. */
  readonly predicts: boolean
  /** What the grid's factors are of; null: nothing is tuned. */
  readonly tuned: string | null
  readonly arm: (
    lab: LabLog,
    seed: number,
    factor: number,
  ) => Pick<ServedArmOptions, 'source'> & Partial<Pick<ServedArmOptions, 'alternative' | 'upstream'>>
}

const { rate, idPenalty: penalty } = factorModelDefaults
const rates = 'learning rate'

/** Served to the downstream models. */
const served = (name: string, title: string, tuned: string | null, arm: Alternative['arm']): Alternative => {
  return { name, title, predicts: false, tuned, arm }
}

const control = (source: 'random' | 'untrained' | 'features', title: string) =>
  served(source, title, null, () => ({ source }))

const learned = (kind: LearnedKind, name: string, title: string) =>
  served(name, title, rates, (lab, _, factor) => {
    const plan = { kind, dim: servedWidth(lab), events: historyLength(lab.space), rate: rate * factor, penalty }
    return { source: 'learned', alternative: { learned: plan } }
  })

/** Predicts by itself. */
const own = (
  name: string,
  title: string,
  tuned: string | null,
  plan: (lab: LabLog, factor: number) => AlternativePlan,
): Alternative => {
  const arm: Alternative['arm'] = (lab, _, factor) => {
    const alternative = plan(lab, factor)
    return { source: alternative.learned ? 'learned' : 'none', alternative }
  }
  return { ...served(name, title, tuned, arm), predicts: true }
}

const towerOf = (config: ModelConfig, seed: number, rateFactor: number) =>
  ({ source: 'tower', upstream: { ...standardUpstream(seed), variant: { config, rateFactor } } }) as const

/** At its own rates the arm of the other experiments. */
export const tower = served('tower', 'the tower', rates, ({ settings }, seed, factor) =>
  factor === 1 ? { source: 'tower' } : towerOf(settings.config, seed, factor),
)

const selfAttention = served(
  'self-attention',
  'self-attention over the history, last state (SASRec-like)',
  rates,
  ({ settings }, seed, factor) => towerOf(lastStateConfig(settings.config), seed, factor),
)

/**
 * A tower of nothing but the last event's state behind one transformer block over the history (Kang and McAuley 2018). Where
 * the last state alone is read, a block without a mask is a causal one: there are no later events to be kept from it. Time
 * takes the place of positions, and it learns as the tower does, by the log's tasks in place of the next item.
 */
function lastStateConfig(config: ModelConfig): ModelConfig {
  const { user } = config
  return {
    ...config,
    user: {
      ...user,
      tokens: [
        ...user.tokens.filter(({ kind }) => kind === 'bags'),
        { kind: 'events', blocks: { count: 1, heads: 1, hidden: 4 * user.tokenWidth }, recent: 1 },
      ],
      levels: [
        { extractors: [{ kind: 'mlp', tokens: 1, hidden: 4 * user.tokenWidth }], norm: 'layer', residual: true },
      ],
    },
  }
}

export function alternativesOf({ log }: LabLog): Alternative[] {
  return [
    own('base-rate', 'base rate', null, () => ({ model: { kind: 'counts', shrinkage: Number.POSITIVE_INFINITY } })),
    own('popularity', 'popularity of the item', 'shrinkage', (_, factor) => {
      return { model: { kind: 'counts', shrinkage: shrinkage * factor } }
    }),
    control('random', 'random fixed vector'),
    control('untrained', 'untrained tower'),
    control('features', 'running statistics of the user, the tower’s input features'),
    learned('factors', 'factors', 'matrix factorization, the user’s factors'),
    learned('pooled', 'pooled-history', 'mean-pooled history'),
    learned('autoencoder', 'autoencoder', 'autoencoder of the history, its bottleneck'),
    ...(log.schema.sequence === undefined ? [] : [selfAttention]),
    own('target-attention', 'target attention over the history (DIN-like)', rates, ({ space }, factor) => {
      const events = historyLength(space)
      const source = { kind: 'events' as const, dim: events, events, rate: 0, penalty: 0 }
      return { learned: source, model: { kind: 'attention', events, rate: rate * factor, penalty } }
    }),
  ]
}

function armName({ name, tuned }: Alternative, factor: number): string {
  return tuned === null ? name : `${name}-at-${Math.round(100 * factor)}`
}

/** One arm each, or one a point of the grid; the tower's are the last. */
export function alternativeArms(lab: LabLog, seed: number): Arm[] {
  const { seen } = splitModels(lab)
  return [...alternativesOf(lab), tower].flatMap((alternative) =>
    (alternative.tuned === null ? [1] : gridOf(lab)).map((factor) =>
      servedArm(lab, seed, {
        name: armName(alternative, factor),
        title: `${alternative.title}${alternative.tuned === null ? '' : `, ${alternative.tuned} × ${formatFixed(factor, 2)}`}`,
        models: alternative.predicts ? ['ranking'] : seen,
        ...alternative.arm(lab, seed, factor),
      }),
    ),
  )
}

export interface Choice {
  /** Place in the grid, by seed. */
  readonly places: readonly number[]
  /** Mean log loss of the rows that it was chosen by, [grid point][seed]. */
  readonly losses: readonly (readonly number[])[]
}

/**
 * The outcomes with whatever is tuned under its own name: for each seed the point of the grid of least loss on the rows
 * right before the test window.
 */
export function chosenOutcomes(outcomes: Outcomes): { chosen: Outcomes; choices: ReadonlyMap<string, Choice> } {
  const { lab, seeds } = outcomes
  const choices = new Map<string, Choice>()
  const tuned = [...alternativesOf(lab), tower].filter((own) => own.tuned !== null)
  const chosen = tuned.reduce((all, alternative) => {
    const points = gridOf(lab).map((factor) => outcomes.ofArm(armName(alternative, factor)))
    const losses = points.map((bySeed) => bySeed.map(({ figures }) => figures.judgedLoss))
    const places = seeds.map((_, seed) => {
      const own = losses.map((bySeed) => bySeed[seed])
      return own.indexOf(Math.min(...own))
    })
    choices.set(alternative.name, { places, losses })
    return all.with(
      alternative.name,
      places.map((place, seed) => points[place][seed]),
    )
  }, outcomes)
  return { chosen, choices }
}
