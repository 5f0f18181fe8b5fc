/** What fresher serving costs and gives. */
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { optimumArms } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { ArmScore, Comparison, Findings } from '../report/findings.ts'
import { formatAge, formatFixed, formatGainInterval, formatNe, formatPercent } from '../report/format.ts'
import { tableOf } from '../report/table.ts'
import { settingsTable, tunedSetups } from './best-settings.ts'
import { curveChart, curvePoint, neAxis } from './charts.ts'
import { modeArm, modeHead, modeTitles, type ServingMode, servingModes, withoutArm } from './common-arms.ts'
import { reachableTables } from './reachable.ts'

export const serving: Experiment = {
  name: 'serving',
  question: 'Which way of serving is worth its compute?',
  measure:
    'Normalized entropy of the ranking model and of the upstream’s own head under frozen, daily, asynchronous and synchronous serving, the ranking model with the settings that are best before the test window under each; embeddings computed a row; age of what is served.',
  rule: 'Asynchronous serving is worth it where it gains over frozen serving, the interval above 0 after Holm, and loses less than 1 % of normalized entropy to synchronous serving, by the upper end of the interval.',
  models: () => ['ranking'],
  arms: (lab, seed) => [
    withoutArm(lab, seed, tunedSetups(lab)),
    ...servingModes.map((mode) => modeArm(lab, seed, mode, tunedSetups(lab))),
    ...servingModes.map((mode) => modeHead(lab, seed, mode)),
    ...optimumArms(lab),
  ],
  conclude,
}

const tuned = ['without', ...servingModes].map((arm) => ({ arm, models: ['ranking'] as const }))

/** The rule, by what asynchronous serving gains over frozen and synchronous serving over asynchronous. */
export function isWorthServing(
  frozen: Pick<Comparison, 'gain' | 'adjustedPValue'>,
  synchronous: Pick<Comparison, 'gain'>,
): boolean {
  return isShown(frozen) && synchronous.gain.high < 0.01
}

function conclude(outcomes: Outcomes): Findings {
  const ofRanking = (arm: string) => scoreArm(outcomes, arm, 'ranking')
  const ofHead = (mode: ServingMode) => scoreArm(outcomes, `head-${mode}`, 'head')
  const pairs = [
    ['asynchronous', 'frozen'],
    ['asynchronous', 'daily'],
    ['synchronous', 'asynchronous'],
  ] as const
  const claims = adjusted(outcomes, [
    ...pairs.map(([arm, over]) => compare(outcomes, 'ranking', arm, over)!),
    ...pairs.map(([arm, over]) => compare(outcomes, 'head', `head-${arm}`, `head-${over}`)!),
  ])
  const [frozen, , synchronous] = claims
  const gaps = gapShares(outcomes, [
    ...servingModes.map((mode) => ({ arm: `head-${mode}`, model: 'head' as const })),
    ...servingModes.map((arm) => ({ arm, model: 'ranking' as const })),
  ])
  // The heads' come first.
  const headGap = ['gap closed, head', (_: ServingMode, i: number) => formatPercent(gaps[i].share.value)] as const
  const chart = (title: string, label: string, figure: string, unit: number) => {
    const points = (scoreOf: (mode: ServingMode) => ArmScore) =>
      servingModes.map((mode) => curvePoint(mode, outcomes.figure(mode, figure) / unit, scoreOf(mode).ne))
    return curveChart(
      title,
      'Intervals are of the sample of users; modes share their rows, so that differences are surer than they look.',
      { label },
      neAxis,
      [
        { name: 'ranking model', points: points(ofRanking) },
        { name: 'upstream’s own head', points: points(ofHead) },
      ],
    )
  }
  return {
    holds: isWorthServing(frozen, synchronous),
    verdict: `Asynchronous serving gains ${formatGainInterval(frozen.gain)} over a frozen embedding (NE ${formatNe(ofRanking('frozen').ne.value)} to ${formatNe(ofRanking('asynchronous').ne.value)}); synchronous serving gains ${formatGainInterval(synchronous.gain)} over asynchronous. By the upstream's own head, frozen costs ${formatFixed(ofHead('frozen').ne.value - ofHead('asynchronous').ne.value, 4)} of NE.`,
    scores: [...['without', ...servingModes].map(ofRanking), ...servingModes.map(ofHead)],
    comparisons: claims,
    gapShares: gaps,
    charts: [
      chart('NE against compute', 'embeddings computed a scored row', 'encodesPerRow', 1),
      chart('NE against staleness', 'mean age of what is served, hours', 'meanAgeMs', 3_600_000),
    ],
    tables: [
      ...reachableTables(outcomes),
      tableOf('Serving modes', servingModes, [
        ['mode', (mode) => modeTitles[mode]],
        ['NE, ranking', (mode) => formatNe(ofRanking(mode).ne.value)],
        ['NE, own head', (mode) => formatNe(ofHead(mode).ne.value)],
        ['embeddings a row', (mode) => formatFixed(outcomes.figure(mode, 'encodesPerRow'), 3)],
        ['MFLOP a row', (mode) => formatFixed(outcomes.figure(mode, 'encodeFlopsPerRow') / 1e6, 3)],
        ['mean age', (mode) => formatAge(outcomes.figure(mode, 'meanAgeMs'))],
        ['rows served', (mode) => formatPercent(outcomes.figure(mode, 'servedShare'))],
        ...(gaps.length > 0 ? [headGap] : []),
      ]),
      ...(outcomes.lab.quick ? [] : [settingsTable(outcomes, tuned)]),
    ],
  }
}
