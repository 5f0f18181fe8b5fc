import type { Interval } from '../findings.ts'
import { formatCount, formatFixed, formatGain, formatGainBounds, formatNe, formatPercent } from '../format.ts'
import type { MainJobResult } from './result.ts'

/** The answer of the run in one sentence: the gain with its interval, and how it stands against the controls. */
export function verdict(result: MainJobResult): string {
  const { dataset, ne, neGain, gainOverUntrained, gainOverWithout, rowsScored } = result
  const where = `On the last ${formatCount(rowsScored)} rows of ${dataset.name}`
  return `${where}, ${effect(neGain, ne)}; ${overUntrained(gainOverUntrained)}, and ${randomControl(gainOverWithout.random)}.`
}

/** The same in a few words. */
export function headline({ neGain }: MainJobResult): string {
  if (neGain.low > 0) return `Served embeddings lower normalized entropy by ${formatPercent(neGain.value, 2)}`
  if (neGain.high < 0) return `Served embeddings raise normalized entropy by ${formatPercent(-neGain.value, 2)}`
  return 'No gain from served embeddings is shown'
}

function effect(gain: Interval, ne: MainJobResult['ne']): string {
  const change = `from ${formatNe(ne.without)} to ${formatNe(ne.with)}`
  const size = `${formatPercent(Math.abs(gain.value), 2)} (95 % interval of the gain ${boundsInWords(gain)})`
  if (gain.low > 0) return `served embeddings lower normalized entropy by ${size}, ${change}`
  if (gain.high < 0) return `served embeddings raise normalized entropy by ${size}, ${change}`
  return `no gain from served embeddings is shown: normalized entropy goes ${change}, a gain of ${withBounds(gain)}`
}

function overUntrained(gain: Interval): string {
  if (gain.low > 0) {
    return `they beat the same tower untrained by ${formatPercent(gain.value, 2)} ${formatGainBounds(gain)}`
  }
  if (gain.high < 0) return `they lose to the same tower untrained: ${withBounds(gain)}`
  return `they cannot be told from the same tower untrained: ${withBounds(gain)}`
}

function randomControl(gain: Interval): string {
  if (gain.low > 0) return `a random vector alone gains ${withBounds(gain)}`
  if (gain.high < 0) return `a random vector loses: ${withBounds(gain)}`
  return `a random vector gains nothing: ${withBounds(gain)}`
}

function withBounds(gain: Interval): string {
  return `${formatGain(gain.value)} ${formatGainBounds(gain)}`
}

function boundsInWords({ low, high }: Interval): string {
  return `${formatFixed(100 * low, 2)} to ${formatFixed(100 * high, 2)}`
}
