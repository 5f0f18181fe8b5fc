import { fewSeeds, fewSeedsNotice } from '../few-seeds.ts'
import type { Interval } from '../findings.ts'
import { formatCount, formatFixed, formatGainBounds, formatGainInterval, formatNe, formatPercent } from '../format.ts'
import type { MainJobResult } from './result.ts'

/** The answer of the run in one sentence: the gain with its interval, and how it stands against the controls. */
export function verdict({
  dataset,
  ne,
  neGain,
  gainOverUntrained,
  gainOverWithout,
  rowsScored,
  seeds,
}: MainJobResult): string {
  const change = `from ${formatNe(ne.without)} to ${formatNe(ne.with)}`
  const { low, high } = neGain
  const interval = `95 % interval of the gain ${formatFixed(100 * low, 2)} to ${formatFixed(100 * high, 2)}`
  const size = `${formatPercent(Math.abs(neGain.value), 2)} (${interval}), ${change}`
  const effect = bySign(neGain, {
    gain: `served embeddings lower normalized entropy by ${size}`,
    loss: `served embeddings raise normalized entropy by ${size}`,
    none: `no gain from served embeddings is shown: normalized entropy goes ${change}, a gain of ${formatGainInterval(neGain)}`,
  })
  const beaten = formatPercent(gainOverUntrained.value, 2)
  const untrained = bySign(gainOverUntrained, {
    gain: `they beat the same tower untrained by ${beaten} ${formatGainBounds(gainOverUntrained)}`,
    loss: `they lose to the same tower untrained: ${formatGainInterval(gainOverUntrained)}`,
    none: `they cannot be told from the same tower untrained: ${formatGainInterval(gainOverUntrained)}`,
  })
  const random = bySign(gainOverWithout.random, {
    gain: 'a random vector alone gains',
    loss: 'a random vector loses:',
    none: 'a random vector gains nothing:',
  })
  return `On the last ${formatCount(rowsScored)} rows of ${dataset.name}, ${effect}; ${untrained}, and ${random} ${formatGainInterval(gainOverWithout.random)}.${fewSeedsNotice(seeds)}`
}

/** The same in a few words. */
export function headline({ neGain, seeds }: MainJobResult): string {
  const few = fewSeeds(seeds)
  const answer = bySign(neGain, {
    gain: `Served embeddings lower normalized entropy by ${formatPercent(neGain.value, 2)}`,
    loss: `Served embeddings raise normalized entropy by ${formatPercent(-neGain.value, 2)}`,
    none: 'No gain from served embeddings is shown',
  })
  return few === null ? answer : `${answer}, ${few}`
}

/** What to say of a gain, by the side of 0 that its interval is on. */
function bySign({ low, high }: Interval, words: Record<'gain' | 'loss' | 'none', string>): string {
  if (low > 0) return words.gain
  return high < 0 ? words.loss : words.none
}
