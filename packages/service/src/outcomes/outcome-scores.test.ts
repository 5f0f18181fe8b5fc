/** Scores against sums written out in float64, an outcome at a time; repeats, failures and the bound on names. */

import type { Outcome, OutcomeLog } from '@headwater/pooling'
import type { SeededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { DecayedScore, maxDownstreams, OutcomeScores, repeatWindow } from './outcome-scores.ts'

/** Σ wᵢ lossᵢ ÷ (Σ wᵢ · entropy of Σ wᵢ yᵢ ÷ Σ wᵢ), with wᵢ = 2^(−(n − 1 − i) ÷ halfLife). */
function reference(predictions: readonly number[], labels: readonly number[], halfLife: number): number {
  let loss = 0
  let weight = 0
  let positive = 0
  for (let i = 0; i < labels.length; i++) {
    const w = 2 ** (-(labels.length - 1 - i) / halfLife)
    loss -= w * Math.log(labels[i] === 1 ? predictions[i] : 1 - predictions[i])
    weight += w
    positive += w * labels[i]
  }
  const rate = positive / weight
  return loss / (weight * (-rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate)))
}

const outcome = (request: string, prediction = 0.5, label: 0 | 1 = 0, downstream = 'ctr'): Outcome => ({
  downstream,
  request,
  user: null,
  prediction,
  label,
  timeMs: 1,
})

const nobodyForgotten = async (users: readonly string[]) =>
  new Float64Array(users.length).fill(Number.NEGATIVE_INFINITY)

class RememberingLog implements OutcomeLog {
  readonly kept: Outcome[] = []
  failing: Error | null = null

  async append(outcomes: readonly Outcome[]): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    if (this.failing !== null) throw this.failing
    this.kept.push(...outcomes)
  }
}

describe('a decayed score', () => {
  it('is the weighted loss over the entropy of the weighted base rate', () => {
    const draw = (random: SeededRandom) => ({
      rows: 1 + random.nextBelow(400),
      halfLife: 1 + random.nextBelow(200),
      base: 0.02 + 0.96 * random.nextFloat(),
    })
    return fuzz(draw, ({ rows, halfLife, base }, random) => {
      const predictions = Array.from({ length: rows }, () => 0.001 + 0.998 * random.nextFloat())
      const labels = Array.from({ length: rows }, () => (random.nextFloat() < base ? 1 : 0))
      const score = new DecayedScore(halfLife)
      for (let i = 0; i < rows; i++) score.add(predictions[i], labels[i] as 0 | 1)
      expect(score.rows).toBe(rows)
      if (new Set(labels).size < 2) expect(score.normalizedEntropy).toBeNull()
      else expect(Math.abs(score.normalizedEntropy! / reference(predictions, labels, halfLife) - 1)).toBeLessThan(1e-12)
    })
  })

  it('is 1 for who predicts the base rate, and forgets what is half-lives ago', () => {
    const score = new DecayedScore(50)
    for (let i = 0; i < 500; i++) score.add(0.999, 0)
    expect(score.normalizedEntropy).toBeNull()
    for (let i = 0; i < 4_000; i++) score.add(0.25, i % 4 === 0 ? 1 : 0)
    expect(score.normalizedEntropy!).toBeCloseTo(1, 3)
  })

  it('is none once one kind of label has faded beyond what a double tells', () => {
    const score = new DecayedScore(1)
    score.add(0.5, 0)
    for (let i = 0; i < 2_000; i++) score.add(0.5, 1)
    expect(score.normalizedEntropy).toBeNull()
  })
})

describe("a tenant's outcomes", () => {
  it('are kept, then scored, each once', async () => {
    const log = new RememberingLog()
    const scores = new OutcomeScores(log, nobodyForgotten)
    const first = [outcome('a', 0.25, 0), outcome('b', 0.75, 1), outcome('a', 0.9, 1)]
    const { accepted, score } = await scores.add('ctr', first)
    expect(accepted).toBe(2)
    expect(log.kept).toEqual(first.slice(0, 2))
    expect(score.normalizedEntropy).toBeCloseTo(-Math.log(0.75) / Math.log(2), 4)
    // The same ones at once, and one that is new.
    const [again, more] = await Promise.all([
      scores.add('ctr', [outcome('c', 0.5, 1)]),
      scores.add('ctr', [outcome('c', 0.5, 1), outcome('b', 0.5, 0), outcome('d')]),
    ])
    expect([again.accepted, more.accepted, more.score.rows]).toEqual([1, 1, 4])
    // Another downstream model's outcome of the same request is another.
    expect((await scores.add('cvr', [outcome('a', 0.5, 0, 'cvr')])).accepted).toBe(1)
    expect(scores.all.map(({ downstream, rows }) => [downstream, rows])).toEqual([
      ['ctr', 4],
      ['cvr', 1],
    ])
    expect(scores.all[1].normalizedEntropy).toBeNull()
    expect((await scores.add('ctr', [])).score.rows).toBe(4)
  })

  it('that could not be kept are not scored, and may come again', async () => {
    const log = new RememberingLog()
    const scores = new OutcomeScores(log, nobodyForgotten)
    log.failing = new Error('the disk is full')
    await expect(scores.add('ctr', [outcome('a')])).rejects.toThrow('the disk is full')
    expect(scores.all).toEqual([])
    log.failing = null
    expect((await scores.add('ctr', [outcome('a')])).accepted).toBe(1)
  })

  it('are of a bounded number of downstream models', async () => {
    const scores = new OutcomeScores(null, nobodyForgotten)
    for (let i = 0; i < maxDownstreams; i++) await scores.add(`d${i}`, [outcome('a', 0.5, 0, `d${i}`)])
    await expect(scores.add('one-more', [outcome('a')])).rejects.toMatchObject({ code: 'too_many_downstreams' })
    await scores.add('d3', [outcome('b', 0.5, 0, 'd3')])
    expect(scores.all).toHaveLength(maxDownstreams)
  })

  it('are known again within the window, and not beyond', async () => {
    const scores = new OutcomeScores(null, nobodyForgotten)
    const requests = Array.from({ length: repeatWindow + 1 }, (_, i) => outcome(`r${i}`))
    await scores.add('ctr', requests)
    expect((await scores.add('ctr', [outcome('r1'), outcome(`r${repeatWindow}`)])).accepted).toBe(0)
    expect((await scores.add('ctr', [outcome('r0')])).accepted).toBe(1)
  })
})
