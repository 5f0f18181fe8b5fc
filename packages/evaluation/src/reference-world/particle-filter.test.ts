/**
 * The filter against a Rao-Blackwellised particle filter of N particles: interests θ are sampled day by day, mean
 * interests μ given a particle's path of θ are normal and integrated in closed form. It shares only the world with the
 * filter. Shape letters: K topics, N particles.
 */
import {
  referenceSetting,
  type SyntheticImpression,
  type SyntheticWorld,
  syntheticEvents,
  syntheticWorld,
} from '@headwater/datasets'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { referencePredictions } from './reference-predictions.ts'

const topics = 3
const setting = {
  ...referenceSetting,
  topics,
  users: 4,
  ads: 12,
  days: 6,
  impressionsPerDay: 60,
  profileSize: 2,
  laterUsers: 0,
}
const fromDay = 2
const particleCount = 20_000

type Matrix = number[][]
const range = Array.from({ length: topics }, (_, k) => k)
const matrix = (f: (i: number, j: number) => number): Matrix => range.map((i) => range.map((j) => f(i, j)))
const product = (a: Matrix, b: Matrix) => matrix((i, j) => range.reduce((sum, k) => sum + a[i][k] * b[k][j], 0))
const times = (a: Matrix, x: readonly number[]) => range.map((i) => range.reduce((sum, k) => sum + a[i][k] * x[k], 0))

function inverse(a: Matrix): Matrix {
  // Cramer's rule, since K is 3.
  const minor = (i: number, j: number) => {
    const [r, s] = range.filter((k) => k !== i)
    const [c, d] = range.filter((k) => k !== j)
    return a[r][c] * a[s][d] - a[r][d] * a[s][c]
  }
  const determinant = range.reduce((sum, j) => sum + (-1) ** j * a[0][j] * minor(0, j), 0)
  return matrix((i, j) => ((-1) ** (i + j) * minor(j, i)) / determinant)
}

function root(a: Matrix): Matrix {
  const l = matrix(() => 0)
  for (const i of range) {
    for (const j of range.slice(0, i + 1)) {
      const rest = a[i][j] - range.slice(0, j).reduce((sum, k) => sum + l[i][k] * l[j][k], 0)
      l[i][j] = i === j ? Math.sqrt(rest) : rest / l[j][j]
    }
  }
  return l
}

interface Particle {
  interest: number[]
  /** E[μ | the particle's path]; the covariance is all particles'. */
  meanInterest: number[]
}

/** Predictions of one user's rows, synchronous, by row. */
function predictUser(
  world: SyntheticWorld,
  impressions: readonly SyntheticImpression[],
  user: number,
  random: SeededRandom,
) {
  const {
    interestSd,
    driftSd,
    driftCorrelation: kept,
    profileSize,
    profileNoiseSd,
    targetingWeight,
    affinityWeight,
  } = setting
  const b = world.profileMap
  const told = range.map((k) =>
    Array.from(world.users[user].profile).reduce(
      (sum, x, p) => sum + (b[k * profileSize + p] * x) / profileNoiseSd ** 2,
      0,
    ),
  )
  let covariance = inverse(
    matrix((i, j) => {
      let sum = i === j ? interestSd ** -2 : 0
      for (let p = 0; p < profileSize; p++)
        sum += (b[i * profileSize + p] * b[j * profileSize + p]) / profileNoiseSd ** 2
      return sum
    }),
  )
  const start = times(covariance, told)
  let particles: Particle[] = Array.from({ length: particleCount }, () => ({
    interest: [...start],
    meanInterest: [...start],
  }))

  /** Samples x = a μ + b + noise of every particle and learns μ from it. */
  const sample = (a: number, noiseSd: number, offset: (particle: Particle) => number[]) => {
    const spread = matrix((i, j) => a * a * covariance[i][j] + (i === j ? noiseSd ** 2 : 0))
    const gain = product(covariance, inverse(spread)).map((row) => row.map((value) => a * value))
    const square = root(spread)
    for (const particle of particles) {
      const noise = times(
        square,
        range.map(() => random.nextNormal()),
      )
      const from = offset(particle)
      particle.interest = range.map((k) => a * particle.meanInterest[k] + from[k] + noise[k])
      const learnt = times(gain, noise)
      particle.meanInterest = range.map((k) => particle.meanInterest[k] + learnt[k])
    }
    const lost = product(gain, covariance)
    covariance = matrix((i, j) => covariance[i][j] - a * lost[i][j])
  }

  const predictions = new Map<number, number>()
  for (let day = 0; day < setting.days; day++) {
    if (day === 0) sample(1, driftSd, () => range.map(() => 0))
    else sample(1 - kept, driftSd * Math.sqrt(1 - kept * kept), ({ interest }) => interest.map((x) => kept * x))
    const shock = range.map((k) =>
      world.shocks.reduce((sum, { day: from, topic, amount }) => sum + (from <= day && topic === k ? amount : 0), 0),
    )
    const live = world.ads.filter(({ firstDay }) => firstDay <= day)
    let weights = particles.map(() => 1)
    const today = impressions.filter((impression) => impression.day === day && impression.user === user)
    for (let first = 0; first < today.length; first += setting.adsPerRequest) {
      const request = today.slice(first, first + setting.adsPerRequest)
      const sums = request.map(() => ({ clicks: 0, all: 0 }))
      weights = weights.map((weight, n) => {
        const interest = particles[n].interest.map((x, k) => x + shock[k])
        const shown = (y: ArrayLike<number>) =>
          Math.exp(targetingWeight * range.reduce((sum, k) => sum + interest[k] * y[k], 0))
        const total = live.reduce((sum, ad) => sum + shown(ad.topics), 0)
        let after = weight
        request.forEach(({ ad, surface, event }, i) => {
          const { topics: y, quality } = world.ads[ad]
          const { base, gains } = world.surfaces[surface]
          const affinity = range.reduce((sum, k) => sum + interest[k] * gains[k] * y[k], 0)
          const p = 1 / (1 + Math.exp(-(base + quality + affinityWeight * affinity)))
          const chance = shown(y) / total
          sums[i].clicks += weight * chance * p
          sums[i].all += weight * chance
          after *= chance * (event.values[3] === 1 ? p : 1 - p) * live.length
        })
        return after
      })
      request.forEach(({ event }, i) => {
        predictions.set(event.row, sums[i].clicks / sums[i].all)
      })
    }
    particles = resample(particles, weights, random)
  }
  return predictions
}

/** Systematic resampling. */
function resample(particles: readonly Particle[], weights: readonly number[], random: SeededRandom): Particle[] {
  const step = weights.reduce((sum, weight) => sum + weight, 0) / particles.length
  let target = random.nextFloat() * step
  let sum = 0
  return particles.flatMap((particle, n) => {
    sum += weights[n]
    const copies: Particle[] = []
    for (; target < sum; target += step) copies.push({ ...particle })
    return copies
  })
}

test('several topics: as a particle filter predicts, at a loss below two ten-thousandths of a nat', () => {
  const world = syntheticWorld({ seed: 6, setting })
  const impressions = [...syntheticEvents(world)]
  const { rows, predictions } = referencePredictions(world, { fromDay })
  const random = seededRandom(1)
  const byRow = new Map(world.users.flatMap((_, user) => [...predictUser(world, impressions, user, random)]))
  const divergence = (name: keyof typeof predictions) => {
    const values = Array.from(rows, (row, i) => {
      const [p, q] = [byRow.get(row)!, predictions[name][i]]
      return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q))
    })
    expect(values).toHaveLength(setting.impressionsPerDay * 4)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  }
  expect(divergence('synchronous')).toBeLessThan(2e-4)
  expect(divergence('asynchronous')).toBeGreaterThan(2e-4)
})
