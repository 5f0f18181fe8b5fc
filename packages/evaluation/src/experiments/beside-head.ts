/** What a ranking model and the upstream's own head predict together: the mean of their logits. It needs both towers where rows are ranked. */
import type { Outcomes } from '../lab/analysis/outcomes.ts'

/** An arm of the ranking model with that head beside it. */
export const besideHead = (arm: string): string => `${arm} beside the head`

/** The outcomes with such an arm for each of several. @param head arm of the upstream's own predictions, of as many seeds */
export function withHeadBeside(outcomes: Outcomes, arms: readonly string[], head: string): Outcomes {
  const heads = outcomes.logits(head, 'head')
  return arms.reduce((all, arm) => {
    const means = outcomes.logits(arm, 'ranking').map((own, seed) => own.map((z, row) => (z + heads[seed][row]) / 2))
    return all.with(
      besideHead(arm),
      means.map((ranking) => ({ columns: { ranking }, figures: {} })),
    )
  }, outcomes)
}
