/** What a served embedding buys each downstream model, beside the controls that it must beat. */

import { formatFixed, formatGainInterval, formatNe } from '../../report/format.ts'
import { adjusted, type Comparison, compare, gapShares, scoreArm } from '../analysis/figures.ts'
import type { Outcomes } from '../analysis/outcomes.ts'
import type { Arm } from '../arms/arm.ts'
import { judgedName, type Lane, laneColumn, latestAlone } from '../arms/downstream-arm.ts'
import { optimumArm } from '../arms/optimum-arm.ts'
import type { ModelName } from '../downstream/family.ts'
import type { Experiment, FigureTable, Findings } from '../experiment.ts'
import { type LabLog, specOf } from '../lab/lab-log.ts'
import { comparisonChart, gapChart, overChart, sliceChart } from './charts.ts'
import { allModels, modeArm, modeHead, servedArm, splitModels, standardUpstream, withoutArm } from './common-arms.ts'
import { gapFigures, slicesOf } from './slices.ts'

const controls = [
  { source: 'flags', title: 'flags alone (control)' },
  { source: 'random', title: 'random fixed vector (control)' },
  { source: 'untrained', title: 'untrained tower (control)' },
  { source: 'features', title: 'input features given directly (control)' },
] as const

const unseen = (name: string) => `unseen-${name}`

/** Arms whose models are also trained up to the test window and no further. A quick run leaves this out. */
const splitSources = [
  { source: 'none', of: 'without', title: 'without' },
  { source: 'untrained', of: 'untrained', title: 'untrained tower' },
  { source: 'tower', of: 'asynchronous', title: 'asynchronous' },
] as const
const split = (name: string) => `split-${name}`

/** Learning rates of the downstream models that are tried without and with the embedding alike. A quick run leaves this out. */
const rateFactors = [1 / 3, 1, 3, 9] as const
const rateLanes: readonly Lane[] = rateFactors.map((rateFactor) => ({
  ...latestAlone,
  name: `rate-${Math.round(100 * rateFactor)}`,
  rateFactor,
}))
const tunedSources = [
  { source: 'none', of: 'without', title: 'without' },
  { source: 'tower', of: 'asynchronous', title: 'asynchronous' },
] as const
const tuned = (name: string) => `tuned-${name}`

const untilTest: Lane = { ...latestAlone, deployment: { kind: 'before-test' } }

export const gain: Experiment = {
  name: 'gain',
  question: 'What do served user embeddings buy downstream models?',
  measure:
    'Relative gain in normalized entropy on the test window, every row predicted before it is trained on, each arm over the same model without an embedding and over each control.',
  rule: 'Yes where, for the ranking model, the asynchronously served embedding gains over the model without and over the same tower untrained, both intervals above 0 after Holm over all models’ comparisons of the two kinds.',
  models: allModels,
  arms: gainArms,
  conclude,
}

function gainArms(lab: LabLog, seed: number): Arm[] {
  const { seen, unseen: notSeen } = splitModels(lab)
  const seenControls = controls.map(({ source, title }) =>
    servedArm(lab, seed, { name: source, title, source, models: seen }),
  )
  const arms = [
    withoutArm(lab, seed),
    ...seenControls,
    modeArm(lab, seed, 'asynchronous'),
    modeArm(lab, seed, 'synchronous'),
    modeHead(lab, seed, 'asynchronous'),
    modeHead(lab, seed, 'synchronous'),
  ]
  if (notSeen.length > 0) {
    const upstream = { ...standardUpstream(seed), withoutSurface: true }
    const models = notSeen
    arms.push(
      ...controls.map(({ source, title }) =>
        servedArm(lab, seed, { name: unseen(source), title: `${title}, unseen surface`, source, models, upstream }),
      ),
      servedArm(lab, seed, {
        name: unseen('asynchronous'),
        title: 'asynchronous, by an upstream that never saw the surface',
        source: 'tower',
        models,
        upstream,
      }),
    )
  }
  if (!lab.quick)
    arms.push(
      ...tunedSources.map(({ source, of, title }) =>
        servedArm(lab, seed, {
          name: tuned(of),
          title: `${title}, by several learning rates`,
          source,
          models: seen,
          lanes: rateLanes,
        }),
      ),
      ...splitSources.map(({ source, of, title }) =>
        servedArm(lab, seed, {
          name: split(of),
          title: `${title}, models trained until the test window`,
          source,
          models: seen,
          lanes: [untilTest],
        }),
      ),
    )
  return lab.world === null ? arms : [...arms, optimumArm(lab.settings)]
}

/** Where a seed's predictions by a model are those of the rate with the least loss on the rows before the test window. */
function atBestRates(outcomes: Outcomes, arm: string, models: readonly ModelName[]): Outcomes {
  const own = outcomes.ofArm(arm).map(({ columns, figures }) => ({
    figures,
    columns: Object.fromEntries(
      models.map((model) => {
        const losses = rateLanes.map(({ name }) => figures[judgedName(name, model)])
        return [model, columns[laneColumn(rateLanes[losses.indexOf(Math.min(...losses))].name, model)]]
      }),
    ),
  }))
  return outcomes.with(arm, own)
}

function ratesTable(outcomes: Outcomes, models: readonly ModelName[]): FigureTable {
  const rows = tunedSources.flatMap(({ of, title }) =>
    models.map((model) => [
      title,
      model,
      ...rateLanes.map(({ name }) => formatNe(outcomes.figure(tuned(of), judgedName(name, model)))),
    ]),
  )
  return {
    title: 'Mean log loss before the test window, by the factor of the model’s learning rate',
    head: ['arm', 'model', ...rateFactors.map((factor) => `× ${formatFixed(factor, 2)}`)],
    rows,
  }
}

function conclude(given: Outcomes): Findings {
  const { lab } = given
  const { seen } = splitModels(lab)
  const tunedArms = tunedSources.map(({ of }) => tuned(of)).filter((arm) => given.has(arm))
  const outcomes = tunedArms.reduce((all, arm) => atBestRates(all, arm, seen), given)
  const sources = [...controls.map(({ source }) => source as string), 'asynchronous', 'synchronous']
  const scored = lab.family.flatMap(({ name, unseen: isUnseen }) =>
    ['without', ...sources].flatMap((source) => {
      const arm = isUnseen && source !== 'without' ? unseen(source) : source
      return outcomes.has(arm) ? [{ arm, source, model: name }] : []
    }),
  )
  const heads = ['head-asynchronous', 'head-synchronous']
  const splits = splitSources.map(({ of }) => split(of)).filter((arm) => outcomes.has(arm))
  const scores = [
    ...scored.map(({ arm, model }) => scoreArm(outcomes, arm, model)),
    ...heads.map((arm) => scoreArm(outcomes, arm, 'head')),
    ...splits.flatMap((arm) => seen.map((model) => scoreArm(outcomes, arm, model))),
    ...tunedArms.flatMap((arm) => seen.map((model) => scoreArm(outcomes, arm, model))),
  ]
  const byRates =
    tunedArms.length === 0
      ? []
      : seen.map((model) => compare(outcomes, model, tuned('asynchronous'), tuned('without'))!)
  const bySplit = splits
    .filter((arm) => arm !== split('asynchronous'))
    .flatMap((over) => seen.map((model) => compare(outcomes, model, split('asynchronous'), over)!))
  const overWithout = scored
    .filter(({ source }) => source !== 'without')
    .map(({ arm, model }) => compare(outcomes, model, arm, 'without')!)
  const asynchronous = scored.filter(({ source }) => source === 'asynchronous')
  const overControls = asynchronous.flatMap(({ arm, model }) =>
    controls.map(({ source }) => compare(outcomes, model, arm, arm === 'asynchronous' ? source : unseen(source))!),
  )
  // The verdict rests on these; the others are looked at beside them.
  const isClaim = ({ arm, over }: Comparison) =>
    arm.endsWith('asynchronous') && (over === 'without' || over.endsWith('untrained'))
  const all = [...overWithout, ...overControls]
  const claims = adjusted(all.filter(isClaim))
  const rest = all.filter((comparison) => !isClaim(comparison))
  const slices = asynchronous.flatMap(({ arm, model }) =>
    slicesOf(lab, model).flatMap((slice) => compare(outcomes, model, arm, 'without', slice) ?? []),
  )
  const gaps = gapShares(outcomes, [
    ...heads.map((arm) => ({ arm, model: 'head' as const })),
    ...(['ranking', 'sparse'] as const).flatMap((model) =>
      ['without', 'features', 'untrained', 'asynchronous', 'synchronous'].map((arm) => ({ arm, model })),
    ),
  ])
  const find = (over: string) => claims.find((c) => c.model === 'ranking' && c.over === over)!
  const [main, untrained] = [find('without'), find('untrained')]
  const beats = ({ gain: own, adjustedPValue }: Comparison) => own.low > 0 && adjustedPValue! < 0.05
  const holds = beats(main) && beats(untrained)
  const features = rest.find((c) => c.model === 'ranking' && c.over === 'features')!
  const told = [
    `The ranking model gains ${formatGainInterval(main.gain)} over itself without an embedding and ${formatGainInterval(untrained.gain)} over the untrained tower's`,
    `against its own input features given directly, ${formatGainInterval(features.gain)}`,
    ...byRates
      .filter(({ model }) => model === 'ranking')
      .map(({ gain: own }) => `both at the best of several learning rates, ${formatGainInterval(own)} over without`),
  ]
  return {
    holds,
    verdict: `${told.join('; ')}.${gapFigures(gaps)}`,
    scores,
    comparisons: [...claims, ...rest, ...byRates, ...bySplit, ...slices],
    gapShares: gaps,
    charts: [
      ...lab.family.map((spec) =>
        comparisonChart(
          `Gain of ${spec.title}`,
          'Over the same model without an embedding, with 95 % intervals of users and seeds. Controls are what a gain must beat.',
          all.filter((c) => c.model === spec.name && c.over === 'without'),
        ),
      ),
      ...seen
        .filter(() => bySplit.length > 0)
        .map((model) =>
          overChart(
            `Gain of ${specOf(lab, model).title}, by a split in time`,
            'The model trained until the test window begins and no further, served asynchronously, over the same without an embedding and on the untrained tower. Snapshots go on. The model without learns nothing new of its users meanwhile, which flatters the gain.',
            bySplit.filter((own) => own.model === model),
          ),
        ),
      sliceChart(
        'Who gains',
        'The ranking model served asynchronously, over without, by part of the test window. The table has the other models’.',
        slices.filter(({ model }) => model === 'ranking'),
      ),
      ...(gaps.length > 0 ? [gapChart(gaps)] : []),
    ],
    tables: tunedArms.length === 0 ? [] : [ratesTable(given, seen)],
  }
}
