/** What a served embedding buys each downstream model, beside the controls that it must beat. */
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import type { Arm } from '../lab/arms/arm.ts'
import { linearArm } from '../lab/arms/linear-arm.ts'
import { optimumArms } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import { type LabLog, specOf } from '../lab/log/lab-log.ts'
import type { Comparison, Findings, GapShare } from '../report/findings.ts'
import { formatGainInterval, formatPercent } from '../report/format.ts'
import { besideHead, withHeadBeside } from './beside-head.ts'
import { atUsualSettings, bySplitInTime, settingsTable, tunedSetups } from './best-settings.ts'
import { gainChart, gapChart } from './charts.ts'
import { allModels, modeArm, modeHead, servedArm, splitModels, standardUpstream, withoutArm } from './common-arms.ts'
import { reachableTables } from './reachable.ts'
import { slicesOf } from './slices.ts'

const controls = [
  { source: 'flags', title: 'flags alone (control)' },
  { source: 'random', title: 'random fixed vector (control)' },
  { source: 'untrained', title: 'untrained tower (control)' },
  { source: 'features', title: 'input features given directly (baseline)' },
] as const

/** What can be had without a tower: an embedding must beat the best of these. */
const baselines = {
  without: 'without an embedding',
  features: 'given its input features',
  linear: 'a linear model',
} as const

const unseen = (name: string) => `unseen-${name}`

/** Arms of the ranking model that are looked at with the upstream's own head beside them, too. */
const headBeside = ['asynchronous', 'features']

/** Over these the gain is told by a split in time as well, but for a quick run. */
const splitOver = ['without', 'untrained'] as const

export const gain: Experiment = {
  name: 'gain',
  question: 'What do served user embeddings buy downstream models?',
  measure:
    'Relative gain in normalized entropy on the test window, every row predicted before it is trained on, each arm over the same model without an embedding and over each control, all with the settings that are best before the test window; of the ranking model also over a linear model on running statistics.',
  rule: 'Yes where, for the ranking model, the asynchronously served embedding gains over each baseline, which are the model without, the model given the tower’s input features and a linear model, and over the same tower untrained: all intervals above 0 after Holm over these and the other models’ comparisons with the model without and the untrained tower.',
  models: allModels,
  arms: gainArms,
  conclude,
}

function gainArms(lab: LabLog, seed: number): Arm[] {
  const { seen, unseen: notSeen } = splitModels(lab)
  const setups = tunedSetups(lab)
  const forUnseen = { models: notSeen, upstream: { ...standardUpstream(seed), withoutSurface: true }, setups }
  const unseenArms = [
    ...controls.map(({ source, title }) => ({ name: unseen(source), title: `${title}, unseen surface`, source })),
    {
      name: unseen('asynchronous'),
      title: 'asynchronous, by an upstream that never saw the surface',
      source: 'tower' as const,
    },
  ]
  return [
    withoutArm(lab, seed, setups),
    ...controls.map(({ source, title }) => servedArm(lab, seed, { name: source, title, source, models: seen, setups })),
    modeArm(lab, seed, 'asynchronous', setups),
    modeArm(lab, seed, 'synchronous', setups),
    linearArm,
    modeHead(lab, seed, 'asynchronous'),
    modeHead(lab, seed, 'synchronous'),
    ...(notSeen.length > 0 ? unseenArms.map((own) => servedArm(lab, seed, { ...own, ...forUnseen })) : []),
    ...optimumArms(lab),
  ]
}

/** All arms of downstream models but those of heads, and their models. */
function tunedArms(outcomes: Outcomes) {
  const { seen, unseen: notSeen } = splitModels(outcomes.lab)
  const sources = [...controls.map(({ source }) => source as string), 'asynchronous']
  const arms = [
    { arm: 'without', models: allModels(outcomes.lab) },
    ...[...sources, 'synchronous'].map((arm) => ({ arm, models: seen })),
    ...sources.map((source) => ({ arm: unseen(source), models: notSeen })),
  ]
  return arms.filter(({ arm }) => outcomes.has(arm))
}

function conclude(found: Outcomes): Findings {
  const outcomes = withHeadBeside(found, headBeside, 'head-asynchronous')
  const { lab } = outcomes
  const { seen } = splitModels(lab)
  const sources = [...controls.map(({ source }) => source as string), 'asynchronous', 'synchronous']
  const scored = lab.family.flatMap(({ name, unseen: isUnseen }) =>
    ['without', ...sources].flatMap((source) => {
      const arm = isUnseen && source !== 'without' ? unseen(source) : source
      return outcomes.has(arm) ? [{ arm, source, model: name }] : []
    }),
  )
  const heads = ['head-asynchronous', 'head-synchronous']
  const splits = lab.quick ? [] : ([...splitOver, 'asynchronous'] as const).map(bySplitInTime)
  const asynchronous = scored.filter(({ source }) => source === 'asynchronous')
  // What the gain would be if all had one setting.
  const usual = asynchronous
    .filter(() => !lab.quick)
    .map(({ arm, model }) => ({ arm: atUsualSettings(arm), over: atUsualSettings('without'), model }))
  const scores = [
    ...scored.map(({ arm, model }) => scoreArm(outcomes, arm, model)),
    scoreArm(outcomes, 'linear', 'ranking'),
    ...heads.map((arm) => scoreArm(outcomes, arm, 'head')),
    ...headBeside.map((arm) => scoreArm(outcomes, besideHead(arm), 'ranking')),
    ...splits.flatMap((arm) => seen.map((model) => scoreArm(outcomes, arm, model))),
    ...usual.flatMap(({ arm, over, model }) => [over, arm].map((own) => scoreArm(outcomes, own, model))),
  ]
  const atUsual = usual.map(({ arm, over, model }) => compare(outcomes, model, arm, over)!)
  const ofSplit = splits.at(-1)!
  const bySplit = splits.slice(0, -1).flatMap((over) => seen.map((model) => compare(outcomes, model, ofSplit, over)!))
  const overWithout = [...scored, { arm: 'linear', source: 'linear', model: 'ranking' as const }]
    .filter(({ source }) => source !== 'without')
    .map(({ arm, model }) => compare(outcomes, model, arm, 'without')!)
  const overControls = asynchronous.flatMap(({ arm, model }) =>
    controls.map(({ source }) => compare(outcomes, model, arm, arm === 'asynchronous' ? source : unseen(source))!),
  )
  const overLinear = compare(outcomes, 'ranking', 'asynchronous', 'linear')!
  const overOneAlone = headBeside.flatMap((arm) =>
    headBeside.map((over) => compare(outcomes, 'ranking', besideHead(arm), over)!),
  )
  // The verdict rests on these; the others are looked at beside them.
  const isClaim = ({ arm, over, model }: Comparison) =>
    arm.endsWith('asynchronous') &&
    (over === 'without' || over.endsWith('untrained') || (model === 'ranking' && over in baselines))
  const all = [...overWithout, ...overControls, overLinear]
  const claims = adjusted(outcomes, all.filter(isClaim))
  const rest = all.filter((comparison) => !isClaim(comparison))
  const slices = asynchronous.flatMap(({ arm, model }) =>
    slicesOf(lab, model).flatMap((slice) => compare(outcomes, model, arm, 'without', slice) ?? []),
  )
  const gaps = gapShares(outcomes, [
    ...heads.map((arm) => ({ arm, model: 'head' as const })),
    ...(['ranking', 'sparse'] as const).flatMap((model) =>
      ['without', 'features', 'untrained', 'asynchronous', 'synchronous'].map((arm) => ({ arm, model })),
    ),
    ...headBeside.map((arm) => ({ arm: besideHead(arm), model: 'ranking' as const })),
  ])
  const find = (over: string) =>
    [...claims, ...rest].find((c) => c.model === 'ranking' && c.arm === 'asynchronous' && c.over === over)!
  const [main, untrained] = ['without', 'untrained'].map(find)
  const over = (Object.keys(baselines) as (keyof typeof baselines)[]).map((baseline) => {
    return { baseline, ne: scoreArm(outcomes, baseline, 'ranking').ne.value, own: find(baseline) }
  })
  const [best] = [...over].sort((a, b) => a.ne - b.ne)
  const wins = isShown(best.own) ? 'wins' : best.own.gain.high < 0 ? 'loses' : 'is not shown to win'
  const told = [
    `The ranking model ${wins} against the best of what needs no tower, ${baselines[best.baseline]}: ${formatGainInterval(best.own.gain)}`,
    `it gains ${formatGainInterval(main.gain)} over itself without an embedding and ${formatGainInterval(untrained.gain)} over the untrained tower's`,
    ...atUsual
      .filter(({ model }) => model === 'ranking')
      .map(({ gain: own }) => `if all had the usual settings, ${formatGainInterval(own)} over without`),
  ]
  return {
    holds: [untrained, ...over.map(({ own }) => own)].every(isShown),
    verdict: `${told.join('; ')}.${gapFigures(gaps)}`,
    scores,
    comparisons: [...claims, ...rest, ...overOneAlone, ...atUsual, ...bySplit, ...slices],
    gapShares: gaps,
    charts: [
      ...lab.family.map((spec) =>
        gainChart(
          `Gain of ${spec.title}`,
          'Over the same model without an embedding, with 95 % intervals of users and seeds. Controls and baselines are what a gain must beat.',
          'arm',
          all.filter((c) => c.model === spec.name && c.over === 'without'),
        ),
      ),
      ...seen
        .filter(() => bySplit.length > 0)
        .map((model) =>
          gainChart(
            `Gain of ${specOf(lab, model).title}, by a split in time`,
            'The model trained until the test window begins and no further, served asynchronously, over the same without an embedding and on the untrained tower. Snapshots go on. The model without learns nothing new of its users meanwhile, which flatters the gain.',
            'over',
            bySplit.filter((own) => own.model === model),
          ),
        ),
      gainChart(
        'Who gains',
        'The ranking model served asynchronously, over without, by part of the test window. The table has the other models’.',
        'slice',
        slices.filter(({ model }) => model === 'ranking'),
      ),
      ...(gaps.length > 0 ? [gapChart(gaps)] : []),
    ],
    tables: [...reachableTables(outcomes), ...(lab.quick ? [] : [settingsTable(outcomes, tunedArms(outcomes))])],
  }
}

/** Shares of the gap in a sentence; empty where there are none. */
function gapFigures(gaps: readonly GapShare[]): string {
  const told = (arm: string, model: string) => {
    const found = gaps.find((own) => own.arm === arm && own.model === model)
    return found && formatPercent(found.share.value)
  }
  const [head, headLate] = [told('head-synchronous', 'head'), told('head-asynchronous', 'head')]
  const [fresh, late] = [told('synchronous', 'ranking'), told('asynchronous', 'ranking')]
  if (head === undefined) return ''
  return ` Of the gap between knowing nothing of the user and the filtered optimum, the upstream's own head closes ${head} synchronously and ${headLate} asynchronously, a downstream head trained on served vectors ${fresh} and ${late}.`
}
