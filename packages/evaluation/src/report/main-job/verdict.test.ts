import { expect, test } from 'vitest'
import type { Interval } from '../findings.ts'
import type { MainJobResult } from './result.ts'
import sample from './sample-result.json' with { type: 'json' }
import { coldShare, headline, verdict } from './verdict.ts'

const gain = (value: number, low: number, high: number): Interval => ({ value, low, high })

const result = (change: Partial<MainJobResult>): MainJobResult => ({ ...(sample as MainJobResult), ...change })

test('a gain over the best baseline, with all controls in order', () => {
  const won = result({
    best: { arm: 'features', gain: gain(0.02, 0.01, 0.03) },
    neGain: gain(0.06, 0.05, 0.07),
    gainOverUntrained: gain(0.007, 0.002, 0.012),
    gainOverWithout: { ...sample.gainOverWithout, random: gain(0.0007, -0.001, 0.0023) },
  })
  expect(verdict(won)).toBe(
    'On the last 10,000 rows of MovieTweetings, served embeddings beat the same model given the tower’s input features, ' +
      'the best of the baselines, by 2.00 % of normalized entropy (95 % interval of the gain 1.00 to 3.00), 0.7964 against ' +
      '0.7997. Over the model without they gain +6.00 % [+5.00, +7.00]; they beat the same tower untrained by +0.70 % ' +
      '[+0.20, +1.20]; a random vector gains nothing: +0.07 % [−0.10, +0.23].',
  )
  expect(headline(won)).toBe('Served embeddings beat the best baseline by 2.00 %')
})

test('a verdict of fewer than three seeds says so', () => {
  const one = result({ seeds: [1] })
  expect(verdict(one)).toMatch(/\. This is by one seed: fewer than 3 say little of what another would change\.$/)
  expect(headline(one)).toMatch(/, by one seed$/)
  expect(headline(result({ seeds: [1, 2] }))).toMatch(/, by 2 seeds$/)
  for (const text of [verdict(result({ seeds: [1, 2, 3] })), headline(result({ seeds: [1, 2, 3] }))])
    expect(text).not.toMatch(/seeds?\b/)
})

test('a baseline that is better is said first, whatever is gained over the model without', () => {
  const lost = result({
    best: { arm: 'linear', gain: gain(-0.02, -0.03, -0.01) },
    neGain: gain(0.06, 0.05, 0.07),
  })
  expect(verdict(lost)).toMatch(
    /^On the last 10,000 rows of MovieTweetings, served embeddings do not win: they lose to a linear model on running statistics, /,
  )
  expect(verdict(lost)).toContain('by 2.00 % of normalized entropy (95 % interval of the gain −3.00 to −1.00)')
  expect(headline(lost)).toBe('Served embeddings lose to a linear model on running statistics by 2.00 %')
})

test('an interval that holds 0 is no win, however large its middle', () => {
  const unsure = result({
    best: { arm: 'without', gain: gain(0.06, -0.001, 0.12) },
    neGain: gain(0.06, -0.001, 0.12),
    gainOverUntrained: gain(0.002, -0.001, 0.005),
  })
  expect(verdict(unsure)).toContain('are not shown to win over the same model without them')
  expect(verdict(unsure)).toContain('They cannot be told from the model without: +6.00 % [−0.10, +12.00]')
  expect(verdict(unsure)).toContain('cannot be told from the same tower untrained: +0.20 % [−0.10, +0.50]')
  expect(headline(unsure)).toBe('Served embeddings are not shown to win over the best baseline')
})

test('a loss is said as one, and so is a control that gains', () => {
  const worse = result({
    neGain: gain(-0.02, -0.03, -0.01),
    gainOverUntrained: gain(-0.01, -0.02, -0.001),
    gainOverWithout: { ...sample.gainOverWithout, random: gain(0.005, 0.001, 0.009) },
  })
  expect(verdict(worse)).toContain('They lose to the model without: −2.00 % [−3.00, −1.00]')
  expect(verdict(worse)).toContain('lose to the same tower untrained')
  expect(verdict(worse)).toContain('a random vector alone gains +0.50 % [+0.10, +0.90]')
})

test('what is gained of new users is told apart', () => {
  const [first] = sample.byEarlierEvents
  const byEarlierEvents = [{ ...first, label: '0', gainOverFlags: gain(0.001, -0.002, 0.004) }]
  expect(coldShare(result({ coldGainShare: 0.14, byEarlierEvents }))).toBe(
    '14 % of the gain; over flags +0.10 % [−0.20, +0.40]',
  )
  expect(coldShare(result({ coldGainShare: null, byEarlierEvents: [] }))).toBe('none is gained')
})
