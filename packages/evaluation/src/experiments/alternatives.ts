/** What the tower buys over simpler representations of the user, served to the same models in the same bytes. */
import { mean } from '@headwater/statistics'
import { adjusted, compare, gapShares, isShown, scoreArm } from '../lab/analysis/figures.ts'
import type { Outcomes } from '../lab/analysis/outcomes.ts'
import { optimumArms } from '../lab/arms/optimum-arm.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { Comparison, Findings } from '../report/findings.ts'
import { formatFixed, formatGainInterval, formatNe } from '../report/format.ts'
import { type FigureTable, tableOf } from '../report/table.ts'
import { historyLength } from '../representations/learned-source.ts'
import { alternativeArms, alternativesOf, type Choice, chosenOutcomes, gridOf, tower } from './alternatives-arms.ts'
import { gainChart, gapChart } from './charts.ts'
import { splitModels, withoutArm } from './common-arms.ts'

export const alternatives: Experiment = {
  name: 'alternatives',
  question: 'What does the tower buy over simpler user representations?',
  measure:
    'Relative gain in normalized entropy on the test window of the tower’s asynchronously served embedding over each alternative: over what is served in its place to the same downstream models, by the same rules and in as many numbers of half precision (of the input features as many as there are; what is learnt beside a tower is brought to unit size), and over what predicts in the ranking model’s place. What there is to be tuned, the learning rate of the tower and of each alternative or popularity’s shrinkage, is a third, once, 3, 9 and 27 times its default; for each seed that counts which has the least log loss on as many rows as the test window has, right before it. A quick run has the default alone.',
  rule: 'Yes where, for the ranking model, the tower gains over every alternative, all intervals above 0 after Holm over the alternatives.',
  models: (lab) => splitModels(lab).seen,
  arms: (lab, seed) => [withoutArm(lab, seed), ...alternativeArms(lab, seed), ...optimumArms(lab)],
  conclude,
}

function conclude(all: Outcomes): Findings {
  const { lab } = all
  const { chosen, choices } = chosenOutcomes(all)
  const { seen } = splitModels(lab)
  const each = alternativesOf(lab)
  const served = each.filter(({ predicts }) => !predicts)
  const scored = seen.flatMap((model) =>
    ['without', ...(model === 'ranking' ? each : served).map(({ name }) => name), tower.name].map((arm) => ({
      arm,
      model,
    })),
  )
  const scores = scored.map(({ arm, model }) => scoreArm(chosen, arm, model))
  const towerOver = scored
    .filter(({ arm }) => arm !== tower.name && arm !== 'without')
    .map(({ arm, model }) => compare(chosen, model, tower.name, arm)!)
  const overWithout = scored
    .filter(({ arm }) => arm !== 'without')
    .map(({ arm, model }) => compare(chosen, model, arm, 'without')!)
  const isClaim = ({ model }: Comparison) => model === 'ranking'
  const claims = adjusted(chosen, towerOver.filter(isClaim))
  const gaps = gapShares(
    chosen,
    scored.filter(({ model }) => model === 'ranking'),
  )
  return {
    holds: claims.every(isShown),
    verdict: verdictOf(claims, claims.filter(isShown)),
    scores,
    comparisons: [...claims, ...towerOver.filter((own) => !isClaim(own)), ...overWithout],
    gapShares: gaps,
    charts: [
      gainChart(
        'What the tower buys over each alternative',
        'The ranking model, or what predicts in its place, with 95 % intervals of users and seeds.',
        'over',
        claims,
      ),
      ...lab.family
        .filter(({ name }) => seen.includes(name))
        .map((spec) =>
          gainChart(
            `Gain of ${spec.title}, by representation`,
            'Over the same model without an embedding, with 95 % intervals of users and seeds.',
            'arm',
            overWithout.filter(({ model }) => model === spec.name),
          ),
        ),
      ...(gaps.length > 0 ? [gapChart(gaps)] : []),
    ],
    tables: [alternativesTable(chosen, choices)],
  }
}

function verdictOf(claims: readonly Comparison[], beaten: readonly Comparison[]): string {
  const ordered = claims.toSorted((a, b) => a.gain.value - b.gain.value)
  const [least, most] = [ordered[0], ordered[ordered.length - 1]]
  const rest = claims.filter((own) => !beaten.includes(own)).map(({ over }) => over)
  return `The ranking model served by the tower gains ${formatGainInterval(least.gain)} over ${least.over}, the best of the ${claims.length} alternatives, and ${formatGainInterval(most.gain)} over ${most.over}, the worst. Not shown over: ${rest.join(', ') || 'none'}.`
}

function alternativesTable(chosen: Outcomes, choices: ReadonlyMap<string, Choice>): FigureTable {
  const { lab } = chosen
  const grid = gridOf(lab)
  /** Features are given as they are; all else goes through a ring's half precision. */
  const bytes = (name: string) => `${(name === 'features' ? 4 : 2) * chosen.figure(name, 'vectorWidth')} B`
  const ofChoice = (name: string, told: (choice: Choice) => readonly string[]) => {
    const choice = choices.get(name)
    return choice === undefined ? '–' : told(choice).join(', ')
  }
  const factor = (value: number) => formatFixed(value, 2)
  return tableOf(
    `The tower and its alternatives; a history is of ${historyLength(lab.space)} events at most`,
    [...alternativesOf(lab), tower],
    [
      ['name', ({ name }) => name],
      ['what it is', ({ title }) => title],
      ['to the model', ({ name, predicts }) => (predicts ? 'predicts by itself' : `served, ${bytes(name)}`)],
      ['tried', ({ tuned }) => (tuned === null ? '–' : `${tuned} × ${grid.map(factor).join(', ')}`)],
      [
        'log loss before the test window',
        ({ name }) => ofChoice(name, ({ losses }) => losses.map((bySeed) => formatNe(mean(bySeed)))),
      ],
      ['chosen, by seed', ({ name }) => ofChoice(name, ({ places }) => places.map((place) => factor(grid[place])))],
      ['NE', ({ name }) => formatNe(scoreArm(chosen, name, 'ranking').ne.value)],
    ],
  )
}
