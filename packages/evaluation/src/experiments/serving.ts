/** What fresher serving costs and gives. */
import { formatAge } from '../lab/analysis/age.ts'
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { optimumArm } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { Chart, Comparison, Findings } from '../report/findings.ts'
import { formatFixed, formatGainInterval, formatNe, formatPercent } from '../report/format.ts'
import { atBestRates, rateSetups, ratesTable } from './best-rates.ts'
import { curvePoint, neAxis } from './charts.ts'
import { modeArm, modeHead, modeTitles, servingModes, withoutArm } from './common-arms.ts'
import { reachableTables } from './reachable.ts'

export const serving: Experiment = {
  name: 'serving',
  question: 'Which way of serving is worth its compute?',
  measure:
    'Normalized entropy of the ranking model and of the upstream’s own head under frozen, daily, asynchronous and synchronous serving, the ranking model at the learning rate that is best before the test window under each; embeddings computed a row; age of what is served.',
  rule: 'Asynchronous serving is worth it where it gains over frozen serving, the interval above 0 after Holm, and loses less than 1 % of normalized entropy to synchronous serving, by the upper end of the interval.',
  models: () => ['ranking'],
  arms: (lab, seed) => [
    withoutArm(lab, seed, rateSetups(lab)),
    ...servingModes.map((mode) => modeArm(lab, seed, mode, rateSetups(lab))),
    ...servingModes.map((mode) => modeHead(lab, seed, mode)),
    ...(lab.world === null ? [] : [optimumArm(lab.settings)]),
  ],
  conclude,
}

/** The rule, by what asynchronous serving gains over frozen and synchronous serving over asynchronous. */
export function isWorthServing(
  frozen: Pick<Comparison, 'gain' | 'adjustedPValue'>,
  synchronous: Pick<Comparison, 'gain'>,
): boolean {
  return isShown(frozen) && synchronous.gain.high < 0.01
}

function conclude(given: Outcomes): Findings {
  const rated = ['without', ...servingModes].map((arm) => ({ arm, models: ['ranking'] as const }))
  const outcomes = atBestRates(given, rated)
  const heads = servingModes.map((mode) => `head-${mode}`)
  const scores = [
    ...['without', ...servingModes].map((arm) => scoreArm(outcomes, arm, 'ranking')),
    ...heads.map((arm) => scoreArm(outcomes, arm, 'head')),
  ]
  const pairs = [
    ['asynchronous', 'frozen'],
    ['asynchronous', 'daily'],
    ['synchronous', 'asynchronous'],
  ] as const
  const claims = adjusted([
    ...pairs.map(([arm, over]) => compare(outcomes, 'ranking', arm, over)!),
    ...pairs.map(([arm, over]) => compare(outcomes, 'head', `head-${arm}`, `head-${over}`)!),
  ])
  const [frozen, , synchronous] = claims
  const holds = isWorthServing(frozen, synchronous)
  const gaps = gapShares(outcomes, [
    ...heads.map((arm) => ({ arm, model: 'head' as const })),
    ...servingModes.map((arm) => ({ arm, model: 'ranking' as const })),
  ])
  const neOf = (arm: string) => scores.find((score) => score.arm === arm)!.ne
  return {
    holds,
    verdict: `Asynchronous serving gains ${formatGainInterval(frozen.gain)} over a frozen embedding (NE ${formatNe(neOf('frozen').value)} to ${formatNe(neOf('asynchronous').value)}); synchronous serving gains ${formatGainInterval(synchronous.gain)} over asynchronous. By the upstream's own head, frozen costs ${formatFixed(neOf('head-frozen').value - neOf('head-asynchronous').value, 4)} of NE.`,
    scores,
    comparisons: claims,
    gapShares: gaps,
    charts: [
      modeChart(outcomes, 'NE against compute', 'encodesPerRow', 'embeddings computed a scored row', false),
      modeChart(outcomes, 'NE against staleness', 'meanAgeMs', 'mean age of what is served, hours', true),
    ],
    tables: [
      ...reachableTables(outcomes),
      {
        title: 'Serving modes',
        head: [
          'mode',
          'NE, ranking',
          'NE, own head',
          'embeddings a row',
          'MFLOP a row',
          'mean age',
          'rows served',
          ...(gaps.length > 0 ? ['gap closed, head'] : []),
        ],
        rows: servingModes.map((mode) => [
          modeTitles[mode],
          formatNe(neOf(mode).value),
          formatNe(neOf(`head-${mode}`).value),
          formatFixed(outcomes.figure(mode, 'encodesPerRow'), 3),
          formatFixed(outcomes.figure(mode, 'encodeFlopsPerRow') / 1e6, 3),
          formatAge(outcomes.figure(mode, 'meanAgeMs')),
          formatPercent(outcomes.figure(mode, 'servedShare')),
          ...gaps.filter(({ arm }) => arm === `head-${mode}`).map(({ share }) => formatPercent(share.value)),
        ]),
      },
      ...(given.lab.quick ? [] : [ratesTable(outcomes, rated)]),
    ],
  }
}

function modeChart(outcomes: Outcomes, title: string, figure: string, label: string, hours: boolean): Chart {
  const points = (of: 'ranking' | 'head') =>
    servingModes.map((mode) => {
      const { ne } = scoreArm(outcomes, of === 'head' ? `head-${mode}` : mode, of)
      return curvePoint(mode, outcomes.figure(mode, figure) / (hours ? 3_600_000 : 1), ne)
    })
  return {
    title,
    caption:
      'Intervals are of the sample of users; modes share their rows, so that differences are surer than they look.',
    kind: 'curve',
    x: { label },
    y: neAxis,
    series: [
      { name: 'ranking model', points: points('ranking') },
      { name: 'upstream’s own head', points: points('head') },
    ],
  }
}
