import { describe, expect, test } from 'vitest'
import { type SeededRandom, seededRandom } from '../random/random.ts'
import { StatisticsError } from '../sample/statistics-error.ts'
import { logLosses } from '../scores/log-loss.ts'
import { normalizedEntropyOfLosses } from '../scores/normalized-entropy.ts'
import { clusterBootstrap, normalizedEntropyBootstrap, pairedClusterBootstrap } from './cluster-bootstrap.ts'

const TRUE_GAIN = 0.06

/** Losses whose difference has a strong component shared by all rows of a cluster; the gain of B over A is `TRUE_GAIN`. */
function simulate(random: SeededRandom, clusterCount: number) {
  const clusters: number[] = []
  const lossA: number[] = []
  const lossB: number[] = []
  for (let cluster = 0; cluster < clusterCount; cluster++) {
    const level = 0.2 * random.nextNormal()
    const effect = 0.1 * random.nextNormal()
    const rows = 1 + random.nextBelow(9)
    for (let row = 0; row < rows; row++) {
      const noise = 0.1 * random.nextNormal()
      clusters.push(cluster)
      lossA.push(1 + level + noise)
      lossB.push(1 - TRUE_GAIN + level + effect + noise + 0.02 * random.nextNormal())
    }
  }
  return { clusters: Uint32Array.from(clusters), lossA: Float64Array.from(lossA), lossB: Float64Array.from(lossB) }
}

describe('pairedClusterBootstrap', () => {
  test('95 % intervals hold the truth in about 95 % of simulated logs; ignoring clusters would not', () => {
    const random = seededRandom(51)
    const logs = 300
    let clustered = 0
    let byRow = 0
    for (let seed = 0; seed < logs; seed++) {
      const data = simulate(random, 80)
      const interval = pairedClusterBootstrap({ ...data, draws: 1000, seed })
      if (interval.low <= TRUE_GAIN && TRUE_GAIN <= interval.high) clustered++
      if (seed >= logs / 3) continue
      const rows = Uint32Array.from(data.clusters.keys())
      const naive = pairedClusterBootstrap({ ...data, clusters: rows, draws: 1000, seed })
      if (naive.low <= TRUE_GAIN && TRUE_GAIN <= naive.high) byRow++
    }
    // Binomial standard error at 300 logs: 1.3 points.
    expect(clustered / logs).toBeGreaterThan(0.91)
    expect(clustered / logs).toBeLessThan(0.985)
    expect(byRow / (logs / 3)).toBeLessThan(0.82)
  }, 60_000)

  test('the standard error is that of the ratio by the delta method', () => {
    const { clusters, lossA, lossB } = simulate(seededRandom(52), 2000)
    const interval = pairedClusterBootstrap({ clusters, lossA, lossB, draws: 4000, seed: 1 })
    const total = lossA.reduce((sum, loss) => sum + loss, 0)
    const residuals = new Float64Array(2000)
    clusters.forEach((cluster, row) => {
      residuals[cluster] += lossA[row] - lossB[row] - interval.value * lossA[row]
    })
    const deltaMethod = Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0)) / total
    expect(interval.standardError / deltaMethod).toBeCloseTo(1, 1)
    expect((interval.high - interval.low) / (2 * 1.96 * deltaMethod)).toBeCloseTo(1, 1)
  })

  test('the value is the gain of the rows as they are, from NE itself', () => {
    const random = seededRandom(53)
    const labels = Uint8Array.from({ length: 400 }, () => (random.nextFloat() < 0.3 ? 1 : 0))
    const lossA = logLosses(new Float64Array(400).fill(0.4), labels)
    const lossB = logLosses(
      Float64Array.from(labels, (y) => 0.2 + 0.3 * y),
      labels,
    )
    const clusters = Uint32Array.from({ length: 400 }, (_, row) => row % 37)
    const neA = normalizedEntropyOfLosses(lossA, labels)
    const neB = normalizedEntropyOfLosses(lossB, labels)
    const interval = pairedClusterBootstrap({ clusters, lossA, lossB, draws: 1000, seed: 0 })
    expect(interval.value).toBeCloseTo((neA - neB) / neA, 12)
    expect(interval.low).toBeLessThan(interval.value)
    expect(interval.high).toBeGreaterThan(interval.value)
  })

  test('a loss scaled by .9 in every row gains exactly .1 in every draw', () => {
    const { clusters, lossA } = simulate(seededRandom(54), 50)
    const interval = pairedClusterBootstrap({
      clusters,
      lossA,
      lossB: lossA.map((x) => 0.9 * x),
      draws: 1000,
      seed: 2,
    })
    for (const figure of [interval.value, interval.low, interval.high]) expect(figure).toBeCloseTo(0.1, 12)
  })

  test('the same seed gives the same interval, another seed another one; the order of rows is no matter', () => {
    const data = simulate(seededRandom(55), 60)
    const of = (seed: number, { clusters, lossA, lossB } = data) =>
      pairedClusterBootstrap({ clusters, lossA, lossB, draws: 1000, seed })
    expect(of(7)).toEqual(of(7))
    expect(of(7)).not.toEqual(of(8))
    const { clusters, lossA, lossB } = data
    const turned = of(7, { clusters: clusters.toReversed(), lossA: lossA.toReversed(), lossB: lossB.toReversed() })
    for (const figure of ['low', 'high', 'standardError'] as const)
      expect(turned[figure]).toBeCloseTo(of(7)[figure], 12)
  })

  test('bad input is a typed error', () => {
    const clusters = Uint32Array.of(0, 0, 1)
    const loss = [1, 1, 1]
    const good = { clusters, lossA: loss, lossB: loss, draws: 1000, seed: 0 }
    expect(() => pairedClusterBootstrap({ ...good, lossA: [1] })).toThrow(StatisticsError)
    expect(() => pairedClusterBootstrap({ ...good, clusters: Uint32Array.of(5, 5, 5) })).toThrow(/at least 2;/)
    expect(() => pairedClusterBootstrap({ ...good, draws: 999 })).toThrow(/at least 1,000/)
    expect(() => pairedClusterBootstrap({ ...good, lossB: [1, Number.NaN, 1] })).toThrow(/\[1\] is NaN/)
    expect(() => pairedClusterBootstrap({ ...good, lossA: [0, 0, 0] })).toThrow(/perfect arm/)
    const empty = { ...good, clusters: new Uint32Array(0), lossA: [], lossB: [] }
    expect(() => pairedClusterBootstrap(empty)).toThrow(/empty/)
  })
})

describe('normalizedEntropyBootstrap', () => {
  test('covers the NE of the true probabilities, and its value is the plain NE', () => {
    const random = seededRandom(56)
    // Each user is wholly of one rate: marginal rate .5, NE of the truth = H(.2) / H(.5).
    const truth = 0.7219280948873623
    let covered = 0
    for (let seed = 0; seed < 100; seed++) {
      const clusters = Uint32Array.from({ length: 1200 }, (_, row) => row % 200)
      const probabilities = Float64Array.from(clusters, (cluster) => (cluster % 2 === 0 ? 0.2 : 0.8))
      const labels = Uint8Array.from(probabilities, (p) => (random.nextFloat() < p ? 1 : 0))
      const losses = logLosses(probabilities, labels)
      const interval = normalizedEntropyBootstrap({ clusters, losses, labels, draws: 1000, seed })
      expect(interval.value).toBeCloseTo(normalizedEntropyOfLosses(losses, labels), 12)
      if (interval.low <= truth && truth <= interval.high) covered++
    }
    expect(covered).toBeGreaterThanOrEqual(87)
  })

  test('one class is a typed error', () => {
    const rows = { clusters: Uint32Array.of(0, 1), losses: [1, 1], draws: 1000, seed: 0 }
    expect(() => normalizedEntropyBootstrap({ ...rows, labels: [1, 1] })).toThrow(StatisticsError)
    expect(() => normalizedEntropyBootstrap({ ...rows, labels: [1] })).toThrow(StatisticsError)
  })
})

describe('by users and items', () => {
  test('the interval holds the truth where users and items have effects of their own; that of users alone does not', () => {
    const random = seededRandom(57)
    const [users, items, logs] = [60, 12, 120]
    const clusters = [0, 1].map((way) =>
      Uint32Array.from({ length: users * items }, (_, row) => (way === 0 ? row % users : Math.floor(row / users))),
    )
    const held = [0, 0]
    for (let seed = 0; seed < logs; seed++) {
      const [ofUser, ofItem] = [users, items].map((count) =>
        Float64Array.from({ length: count }, () => random.nextNormal()),
      )
      const column = Float64Array.from(
        clusters[0],
        (_, row) => ofUser[clusters[0][row]] + ofItem[clusters[1][row]] + random.nextNormal(),
      )
      for (const [i, ways] of [clusters, clusters.slice(0, 1)].entries()) {
        const { low, high } = clusterBootstrap(ways, [column], { draws: 1000, seed }, ([sum], rows) => sum / rows)
        if (low <= 0 && 0 <= high) held[i]++
      }
    }
    // Twelve items are few: percentiles of any bootstrap are somewhat narrow then.
    expect(held[0] / logs).toBeGreaterThan(0.87)
    expect(held[1] / logs).toBeLessThan(0.75)
  })

  test('with a user a row and an item a row, the variance is that of the product of two weights', () => {
    const rows = Uint32Array.from({ length: 4000 }, (_, row) => row)
    const column = Float64Array.from(rows, () => 1)
    column.fill(-1, 2000)
    const mean = ([sum]: Float64Array, count: number) => sum / count
    const options = { draws: 4000, seed: 5 }
    // 1/√4000 by one way; Var(w·v) = 3 by two.
    const [one, two] = [rows, [rows, rows.toReversed()]].map(
      (ways) => clusterBootstrap(ways, [column], options, mean).standardError * Math.sqrt(4000),
    )
    expect(one).toBeCloseTo(1, 1)
    expect(two / Math.sqrt(3)).toBeCloseTo(1, 1)
  })

  test('one item is a typed error', () => {
    const users = Uint32Array.of(0, 1)
    expect(() =>
      clusterBootstrap([users, Uint32Array.of(3, 3)], [[1, 2]], { draws: 1000, seed: 0 }, ([sum]) => sum),
    ).toThrow(StatisticsError)
  })
})

describe('clusterBootstrap', () => {
  const random = seededRandom(77)
  const clusters = Uint32Array.from({ length: 3000 }, () => random.nextBelow(400))
  const columns = [0, 1, 2].map((k) => Float64Array.from(clusters, () => k + random.nextNormal()))

  test('has the standard error of a difference of ratios by the delta method', () => {
    const statistic = ([a, b, c]: Float64Array, rows: number) => (a - b) / rows / (c / rows)
    const found = clusterBootstrap(clusters, columns, { draws: 4000, seed: 3 }, statistic)
    const [a, b, c] = columns.map((column) => column.reduce((sum, value) => sum + value, 0))
    expect(found.value).toBeCloseTo((a - b) / c, 12)
    const residuals = new Float64Array(400)
    clusters.forEach((cluster, row) => {
      residuals[cluster] += columns[0][row] - columns[1][row] - found.value * columns[2][row]
    })
    const deltaMethod = Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0)) / c
    expect(found.standardError / deltaMethod).toBeCloseTo(1, 1)
  })

  test('counts the rows of a draw, and refuses columns of another length', () => {
    const options = { draws: 1000, seed: 4 }
    const rows = clusterBootstrap(clusters, [new Float64Array(3000).fill(1)], options, ([sum], rows) => sum - rows)
    for (const figure of Object.values(rows)) expect(figure).toBeCloseTo(0, 9)
    expect(() => clusterBootstrap(clusters, [[1]], options, () => 0)).toThrow('columns[0] has 1 rows')
  })
})
