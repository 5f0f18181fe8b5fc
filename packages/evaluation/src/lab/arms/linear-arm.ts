/** A linear model in the ranking model's place: what can be had without a tower and without learnt vectors. */
import { linearPredictions } from '../../downstream/linear/linear-run.ts'
import { type Arm, armOf, floatColumns } from './arm.ts'
import { ranksName } from './downstream-arm.ts'

const plan = { name: 'linear', title: 'logistic regression on running statistics, refitted (baseline)' }

/** Nothing in it is drawn: all seeds have the same. Column `ranking` holds the logits of the test window's rows. */
export const linearArm: Arm = armOf('linear', plan, async ({ lab: { log, test }, stages, signal }) => {
  stages.begin('linear model', log.rows)
  const { logits, columns, fit, ranks } = await linearPredictions(
    log,
    signal,
    (rows) => stages.advance(rows),
    test.chosen,
  )
  stages.end()
  return {
    columns: floatColumns({
      ranking: [...test.models.ranking.places].map((place) => logits[test.fromRow + place]),
      [ranksName('ranking')]: ranks,
    }),
    figures: { columns: columns.length, ...(fit && { rank: fit.rank, isSeparable: Number(fit.isSeparable) }) },
  }
})
