import { expect, test } from 'vitest'
import type { Interval } from '../findings.ts'
import type { MainJobResult } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }
import { headline, verdict } from './verdict.ts'

const gain = (value: number, low: number, high: number): Interval => ({ value, low, high })

function result(change: Partial<MainJobResult>): MainJobResult {
  return { ...sample, ...change }
}

test('a gain with all controls in order, in one sentence', () => {
  const text = verdict(
    result({
      neGain: gain(0.06, 0.05, 0.07),
      gainOverUntrained: gain(0.007, 0.002, 0.012),
      gainOverWithout: { ...sample.gainOverWithout, random: gain(0.0007, -0.001, 0.0023) },
    }),
  )
  expect(text).toBe(
    'On the last 10,000 rows of MovieTweetings, served embeddings lower normalized entropy by 6.00 % ' +
      '(95 % interval of the gain 5.00 to 7.00), from 0.8470 to 0.7964; they beat the same tower untrained by ' +
      '0.70 % [+0.20, +1.20], and a random vector gains nothing: +0.07 % [−0.10, +0.23].',
  )
  expect(headline(result({ neGain: gain(0.06, 0.05, 0.07) }))).toBe(
    'Served embeddings lower normalized entropy by 6.00 %',
  )
})

test('a verdict of fewer than three seeds says so', () => {
  const one = result({ seeds: [1] })
  expect(verdict(one)).toMatch(/\. This is by one seed: fewer than 3 say little of what another would change\.$/)
  expect(headline(one)).toMatch(/, by one seed$/)
  expect(headline(result({ seeds: [1, 2] }))).toMatch(/, by 2 seeds$/)
  for (const text of [verdict(result({ seeds: [1, 2, 3] })), headline(result({ seeds: [1, 2, 3] }))])
    expect(text).not.toMatch(/seeds?\b/)
})

test('an interval that holds 0 is no gain, however large its middle', () => {
  const unsure = result({ neGain: gain(0.06, -0.001, 0.12), gainOverUntrained: gain(0.002, -0.001, 0.005) })
  expect(verdict(unsure)).toContain('no gain from served embeddings is shown')
  expect(verdict(unsure)).toContain('cannot be told from the same tower untrained: +0.20 % [−0.10, +0.50]')
  expect(headline(unsure)).toBe('No gain from served embeddings is shown')
})

test('a loss is said as one, and so is a control that gains', () => {
  const worse = result({
    neGain: gain(-0.02, -0.03, -0.01),
    gainOverUntrained: gain(-0.01, -0.02, -0.001),
    gainOverWithout: { ...sample.gainOverWithout, random: gain(0.005, 0.001, 0.009) },
  })
  expect(headline(worse)).toBe('Served embeddings raise normalized entropy by 2.00 %')
  expect(verdict(worse)).toContain('raise normalized entropy by 2.00 % (95 % interval of the gain −3.00 to −1.00)')
  expect(verdict(worse)).toContain('lose to the same tower untrained')
  expect(verdict(worse)).toContain('a random vector alone gains +0.50 % [+0.10, +0.90]')
})
