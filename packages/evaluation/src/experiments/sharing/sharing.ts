/** What one user tower for many downstream models gives and saves, against a tower for each of them. */
import type { DownstreamSpec } from '../../downstream/family.ts'
import { adjusted, compare, scoreArm } from '../../lab/analysis/figures.ts'
import type { Outcomes } from '../../lab/analysis/outcomes.ts'
import { meanGain } from '../../lab/analysis/several-models.ts'
import type { Arm } from '../../lab/arms/arm.ts'
import { coverageArm } from '../../lab/arms/coverage-arm.ts'
import { recordArm } from '../../lab/arms/record-arm.ts'
import type { Experiment } from '../../lab/experiment.ts'
import { ExperimentError } from '../../lab/log/experiment-error.ts'
import type { LabLog } from '../../lab/log/lab-log.ts'
import type { Findings, Interval } from '../../report/findings.ts'
import { formatGainInterval, formatPercent } from '../../report/format.ts'
import { modeTitles, policyOf, servedArm, servedWidth, servingModes, standardUpstream } from '../common-arms.ts'
import { costFindings, costsOf, type SharingCosts } from './costs.ts'
import { coverageFindings } from './coverage.ts'
import { heldFindings, heldSetups, heldSources, heldStarts, heldTitle } from './held.ts'
import { sharedBy, sharingModels, towerPlan } from './plans.ts'
import { modelTable, neCharts, ownName, sharedName } from './quality.ts'

/** Snapshots that a ring holds and averages. */
const ringSlots = 3

export const sharing: Experiment = {
  name: 'sharing',
  question: 'What does one user tower for many downstream models give and save?',
  measure:
    'Mean normalized entropy of the first 1, 2, … models of the portfolio, served by one tower that is taught what these models are, and by a tower for each; operations of training and serving, bytes stored and served. Normalized entropy by publication of a sparse model that is never retrained. Reads whose vector knows all of its user’s events but those of the last hour, by serving mode.',
  rule: 'Sharing is worth it where all models together lose less than 0.5 % of normalized entropy to towers of their own, on average over the models and by the lower end of the interval too, and train and serve at half of the operations at most.',
  models: (lab) => sharingModels(lab).map(({ name }) => name),
  check: (lab) => {
    const { length } = sharingModels(lab)
    if (length < 2)
      throw new ExperimentError(
        lab.log.name,
        `${length} of ${lab.portfolio.length} downstream models have enough users of both classes`,
        'nothing is shared by fewer than two: use a longer log',
      )
  },
  arms: (lab, seed) => [
    ...towerArms(lab, seed),
    recordArm({ name: 'record', dim: servedWidth(lab), slots: ringSlots }),
    ...heldStarts(lab).flatMap((start) =>
      heldSources.map((source) =>
        servedArm(lab, seed, {
          name: `held-${start}-${source}`,
          title: heldTitle(start, source),
          source: source === 'raw' ? 'raw' : 'tower',
          models: ['sparse'],
          keptFrom: 'middle-publication',
          ...(source === 'kept' && { keepsTower: true }),
          setups: heldSetups(source),
          upstream: { ...standardUpstream(seed), start },
        }),
      ),
    ),
    ...servingModes.map((mode) =>
      coverageArm({
        name: `coverage-${mode}`,
        title: `coverage, ${modeTitles[mode]}`,
        policy: policyOf(mode, lab),
        frozen: mode === 'frozen',
      }),
    ),
  ],
  conclude,
}

function towerArms(lab: LabLog, seed: number): Arm[] {
  const models = sharingModels(lab)
  const served = (name: string, title: string, own: readonly DownstreamSpec[]) =>
    servedArm(lab, seed, {
      name,
      title,
      source: 'tower',
      models: own.map((spec) => spec.name),
      upstream: towerPlan(lab, seed, own),
      forOwnUsers: true,
    })
  return [
    servedArm(lab, seed, {
      name: 'sharing-without',
      title: 'without',
      source: 'none',
      models: models.map(({ name }) => name),
    }),
    ...models.map((spec) => served(ownName(spec.name), `a tower of its own: ${spec.name}`, [spec])),
    ...sharedBy(lab).map((m) => served(sharedName(m), `one tower for ${m}`, models.slice(0, m))),
  ]
}

type Operations = 'trainingFlops' | 'servingFlops'

/** The rule, of all models together. */
export function isWorthSharing(gain: Pick<Interval, 'low'>, { shared, own }: Pick<SharingCosts, 'shared' | 'own'>) {
  const atHalf = (of: Operations) => shared[of] <= 0.5 * own[of]
  return gain.low > -0.005 && atHalf('trainingFlops') && atHalf('servingFlops')
}

function conclude(outcomes: Outcomes): Findings {
  const { lab } = outcomes
  const models = sharingModels(lab)
  const count = models.length
  const shared = sharedName(count)
  const pairs = models.map(({ name }) => ({ arm: shared, over: ownName(name), model: name }))
  const gain = meanGain(outcomes, pairs)
  const costs = costsOf(outcomes)
  const all = costs[costs.length - 1]
  const part = (of: Operations) => all.shared[of] / all.own[of]
  const coverage = coverageFindings(outcomes)
  const held = heldFindings(outcomes)
  const cost = costFindings(costs)
  const told = [
    `Over ${count} models one tower gains ${formatGainInterval(gain)} on average over a tower for each, at ${formatPercent(part('trainingFlops'), 0)} of the operations of training, ${formatPercent(part('servingFlops'), 0)} of those of serving and ${formatPercent(all.shared.storedBytes / all.own.storedBytes, 0)} of the bytes stored`,
    held.verdict,
    coverage.verdict,
  ]
  return {
    holds: isWorthSharing(gain, all),
    verdict: `${told.join('. ')}.`,
    scores: models.flatMap(({ name }) =>
      ['sharing-without', ownName(name), shared].map((arm) => scoreArm(outcomes, arm, name)),
    ),
    comparisons: adjusted(
      outcomes,
      pairs.map(({ arm, over, model }) => compare(outcomes, model, arm, over)!),
    ),
    gapShares: [],
    charts: [...neCharts(outcomes), ...cost.charts, ...held.charts, ...coverage.charts],
    tables: [modelTable(outcomes), ...cost.tables, ...held.tables, ...coverage.tables],
  }
}
