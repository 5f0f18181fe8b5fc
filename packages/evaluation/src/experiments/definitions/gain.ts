/** What a served embedding buys each downstream model, beside the controls that it must beat. */

import { formatGainInterval } from '../../report/format.ts'
import { adjusted, type Comparison, compare, gapShares, scoreArm } from '../analysis/figures.ts'
import type { Outcomes } from '../analysis/outcomes.ts'
import type { Arm } from '../arms/arm.ts'
import { optimumArm } from '../arms/optimum-arm.ts'
import type { Experiment, Findings } from '../experiment.ts'
import type { LabLog } from '../lab/lab-log.ts'
import { comparisonChart, gapChart, sliceChart } from './charts.ts'
import { allModels, modeArm, modeHead, servedArm, splitModels, standardUpstream, withoutArm } from './common-arms.ts'
import { gapFigures, slicesOf } from './slices.ts'

const controls = [
  { source: 'flags', title: 'flags alone (control)' },
  { source: 'random', title: 'random fixed vector (control)' },
  { source: 'untrained', title: 'untrained tower (control)' },
  { source: 'features', title: 'input features given directly (control)' },
] as const

const unseen = (name: string) => `unseen-${name}`

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
  const split = splitModels(lab)
  const seenControls = controls.map(({ source, title }) =>
    servedArm(lab, seed, { name: source, title, source, models: split.seen }),
  )
  const arms = [
    withoutArm(lab, seed),
    ...seenControls,
    modeArm(lab, seed, 'asynchronous'),
    modeArm(lab, seed, 'synchronous'),
    modeHead(lab, seed, 'asynchronous'),
    modeHead(lab, seed, 'synchronous'),
  ]
  if (split.unseen.length > 0) {
    const upstream = { ...standardUpstream(seed), withoutSurface: true }
    const models = split.unseen
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
  return lab.world === null ? arms : [...arms, optimumArm(lab.settings)]
}

function conclude(outcomes: Outcomes): Findings {
  const { lab } = outcomes
  const sources = [...controls.map(({ source }) => source as string), 'asynchronous', 'synchronous']
  const scored = lab.family.flatMap(({ name, unseen: isUnseen }) =>
    ['without', ...sources].flatMap((source) => {
      const arm = isUnseen && source !== 'without' ? unseen(source) : source
      return outcomes.has(arm) ? [{ arm, source, model: name }] : []
    }),
  )
  const heads = ['head-asynchronous', 'head-synchronous']
  const scores = [
    ...scored.map(({ arm, model }) => scoreArm(outcomes, arm, model)),
    ...heads.map((arm) => scoreArm(outcomes, arm, 'head')),
  ]
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
  const slices = slicesOf(lab, 'ranking').flatMap((slice) => {
    return compare(outcomes, 'ranking', 'asynchronous', 'without', slice) ?? []
  })
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
  ]
  return {
    holds,
    verdict: `${told.join('; ')}.${gapFigures(gaps)}`,
    scores,
    comparisons: [...claims, ...rest, ...slices],
    gapShares: gaps,
    charts: [
      ...lab.family.map((spec) =>
        comparisonChart(
          `Gain of ${spec.title}`,
          'Over the same model without an embedding, with 95 % intervals of users and seeds. Controls are what a gain must beat.',
          all.filter((c) => c.model === spec.name && c.over === 'without'),
        ),
      ),
      sliceChart(
        'Who gains',
        'The ranking model served asynchronously, over without, by part of the test window.',
        slices,
      ),
      ...(gaps.length > 0 ? [gapChart(gaps)] : []),
    ],
    tables: [],
  }
}
