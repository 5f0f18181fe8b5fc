import { fewSeeds, fewSeedsNotice } from '../few-seeds.ts'
import type { Interval } from '../findings.ts'
import { formatCount, formatFixed, formatGainInterval, formatNe, formatPercent } from '../format.ts'
import type { MainJobResult } from './result.ts'

/** What each baseline is called in a sentence. */
const baselineNames: Readonly<Record<MainJobResult['best']['arm'], string>> = {
  without: 'the same model without them',
  features: 'the same model given the tower’s input features',
  linear: 'a linear model on running statistics',
}

/** The answer of the run in two sentences: against the best that can be had without a tower, and against the controls. */
export function verdict({
  dataset,
  ne,
  neGain,
  best,
  gainOverUntrained,
  gainOverWithout,
  rowsScored,
  seeds,
}: MainJobResult) {
  const { low, high } = best.gain
  const interval = `95 % interval of the gain ${formatFixed(100 * low, 2)} to ${formatFixed(100 * high, 2)}`
  const size = `by ${formatPercent(Math.abs(best.gain.value), 2)} of normalized entropy (${interval}), ${formatNe(ne.with)} against ${formatNe(ne[best.arm])}`
  const name = baselineNames[best.arm]
  const first = bySign(best.gain, {
    gain: `served embeddings beat ${name}, the best of the baselines, ${size}`,
    loss: `served embeddings do not win: they lose to ${name}, the best of the baselines, ${size}`,
    none: `served embeddings are not shown to win over ${name}, the best of the baselines: normalized entropy is ${formatNe(ne.with)} against ${formatNe(ne[best.arm])}, a gain of ${formatGainInterval(best.gain)}`,
  })
  const without = bySign(neGain, {
    gain: 'Over the model without they gain',
    loss: 'They lose to the model without:',
    none: 'They cannot be told from the model without:',
  })
  const untrained = bySign(gainOverUntrained, {
    gain: 'they beat the same tower untrained by',
    loss: 'they lose to the same tower untrained:',
    none: 'they cannot be told from the same tower untrained:',
  })
  const random = bySign(gainOverWithout.random, {
    gain: 'a random vector alone gains',
    loss: 'a random vector loses:',
    none: 'a random vector gains nothing:',
  })
  const told = [
    `${without} ${formatGainInterval(neGain)}`,
    `${untrained} ${formatGainInterval(gainOverUntrained)}`,
    `${random} ${formatGainInterval(gainOverWithout.random)}`,
  ]
  return `On the last ${formatCount(rowsScored)} rows of ${dataset.name}, ${first}. ${told.join('; ')}.${fewSeedsNotice(seeds)}`
}

/** The same in a few words. */
export function headline({ best, seeds }: MainJobResult): string {
  const few = fewSeeds(seeds)
  const size = formatPercent(Math.abs(best.gain.value), 2)
  const answer = bySign(best.gain, {
    gain: `Served embeddings beat the best baseline by ${size}`,
    loss: `Served embeddings lose to ${baselineNames[best.arm]} by ${size}`,
    none: 'Served embeddings are not shown to win over the best baseline',
  })
  return few === null ? answer : `${answer}, ${few}`
}

/** How much of the gain is of users who were never seen before, whose vector can tell nothing but that. */
export function coldShare({ coldGainShare, byEarlierEvents }: MainJobResult): string {
  const [first] = byEarlierEvents
  const overFlags = first?.label === '0' ? `; over flags ${formatGainInterval(first.gainOverFlags)}` : ''
  return `${coldGainShare === null ? 'none is gained' : `${formatPercent(coldGainShare, 0)} of the gain`}${overFlags}`
}

/** What to say of a gain, by the side of 0 that its interval is on. */
function bySign({ low, high }: Interval, words: Record<'gain' | 'loss' | 'none', string>): string {
  if (low > 0) return words.gain
  return high < 0 ? words.loss : words.none
}
