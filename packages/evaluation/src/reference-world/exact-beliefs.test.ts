/**
 * The filter against exact beliefs: one topic, so that mean interest μ and drift d lie on a grid of G × G points, and
 * every integral over them is a sum. Also holds each way of knowing to what it may know, one observation at a time.
 */
import {
  referenceSetting,
  type SyntheticImpression,
  type SyntheticSetting,
  type SyntheticWorld,
  syntheticEvents,
  syntheticWorld,
} from '@headwater/datasets'
import { describe, expect, test } from 'vitest'
import { type Knowledge, knowledge, referencePredictions } from './reference-predictions.ts'

const setting: SyntheticSetting = {
  ...referenceSetting,
  topics: 1,
  users: 3,
  ads: 5,
  days: 6,
  impressionsPerDay: 36,
  profileSize: 2,
  laterAds: 0.2,
  surfaces: [
    { base: -1, share: 0.6 },
    { base: -2, share: 0.4 },
  ],
}
const fromDay = 3

function worldOfOneTopic(seed: number, setting: SyntheticSetting): SyntheticWorld {
  const world = syntheticWorld({ seed, setting })
  // A share of one topic is always 1, and would make all ads alike.
  const shares = [0.1, 0.9, 0.4, 1.3, 0.7]
  return { ...world, ads: world.ads.map((ad, a) => ({ ...ad, topics: Float32Array.of(shares[a]) })) }
}

const points = 41
const axis = (sd: number) => Array.from({ length: points }, (_, i) => 5 * sd * ((2 * i) / (points - 1) - 1))
const normal = (x: number, sd: number) => Math.exp((-x * x) / (2 * sd * sd))

/** Density of (μ, d) of one user on the grid. */
class GridBelief {
  density: number[][]
  readonly setting: SyntheticSetting
  readonly mus: number[]
  readonly drifts: number[]

  constructor(setting: SyntheticSetting, density: (mu: number, drift: number) => number) {
    this.setting = setting
    this.mus = axis(setting.interestSd)
    this.drifts = axis(setting.driftSd)
    this.density = this.mus.map((mu) => this.drifts.map((drift) => density(mu, drift)))
  }

  copy(): GridBelief {
    const copied = new GridBelief(this.setting, () => 0)
    copied.density = this.density
    return copied
  }

  nextDay(): void {
    const { driftCorrelation: kept, driftSd } = this.setting
    const { drifts } = this
    const added = driftSd * Math.sqrt(1 - kept * kept)
    const kernel = drifts.map((to) => drifts.map((from) => normal(to - kept * from, added)))
    const totals = drifts.map((_, from) => kernel.reduce((sum, row) => sum + row[from], 0))
    this.density = this.density.map((row) =>
      drifts.map((_, to) => row.reduce((sum, value, from) => sum + (value * kernel[to][from]) / totals[from], 0)),
    )
  }

  observe(likelihood: (interest: number) => number, shock: number): void {
    this.density = this.density.map((row, i) => row.map((v, j) => v * likelihood(this.mus[i] + this.drifts[j] + shock)))
  }

  mean(f: (interest: number) => number, shock: number): number {
    let [sum, total] = [0, 0]
    this.density.forEach((row, i) => {
      row.forEach((value, j) => {
        sum += value * f(this.mus[i] + this.drifts[j] + shock)
        total += value
      })
    })
    return sum / total
  }
}

function prior({ setting, users, profileMap }: SyntheticWorld, user: number | null): GridBelief {
  return new GridBelief(setting, (mu, drift) => {
    let weight = normal(mu, setting.interestSd) * normal(drift, setting.driftSd)
    if (user === null) return weight
    users[user].profile.forEach((x, p) => {
      weight *= normal(x - mu * profileMap[p], setting.profileNoiseSd)
    })
    return weight
  })
}

/** Exact predictions of every row from `fromDay` on. */
function exactPredictions(world: SyntheticWorld): Record<Knowledge, number[]> {
  const result = Object.fromEntries(knowledge.map((name) => [name, [] as number[]])) as Record<Knowledge, number[]>
  const { setting } = world
  const impressions = [...syntheticEvents(world)]
  for (let user = 0; user < setting.users; user++) {
    const beliefs = Object.fromEntries(
      knowledge.map((name) => [name, prior(world, name === 'nobody' ? null : user)]),
    ) as Record<Knowledge, GridBelief>
    for (let day = 0; day < setting.days; day++) {
      if (day > 0) for (const name of knowledge) beliefs[name].nextDay()
      const shock = world.shocks.reduce((sum, { day: from, amount }) => sum + (from <= day ? amount : 0), 0)
      const live = world.ads.filter(({ firstDay }) => firstDay <= day)
      const chosen = (impression: SyntheticImpression) => (interest: number) => {
        const weight = (share: number) => Math.exp(setting.targetingWeight * interest * share)
        const total = live.reduce((sum, { topics }) => sum + weight(topics[0]), 0)
        return weight(world.ads[impression.ad].topics[0]) / total
      }
      const clickChance = (impression: SyntheticImpression) => (interest: number) => {
        const { quality, topics } = world.ads[impression.ad]
        const { base, gains } = world.surfaces[impression.surface]
        return 1 / (1 + Math.exp(-(base + quality + setting.affinityWeight * interest * gains[0] * topics[0])))
      }
      beliefs.daily = beliefs.synchronous.copy()
      if (day <= fromDay) beliefs.frozen = beliefs.synchronous.copy()
      const today = impressions.filter((impression) => impression.day === day && impression.user === user)
      for (let i = 0; i < today.length; i += setting.adsPerRequest) {
        const request = today.slice(i, i + setting.adsPerRequest)
        for (const impression of request) {
          for (const name of day < fromDay ? [] : knowledge) {
            const shown = beliefs[name].copy()
            shown.observe(chosen(impression), shock)
            result[name][impression.event.row] = shown.mean(clickChance(impression), shock)
          }
        }
        beliefs.asynchronous = beliefs.synchronous.copy()
        for (const impression of request) {
          const p = clickChance(impression)
          beliefs.synchronous.observe(chosen(impression), shock)
          beliefs.synchronous.observe((x) => (impression.event.values[3] === 1 ? p(x) : 1 - p(x)), shock)
        }
      }
    }
  }
  return result
}

/** Mean extra log loss, in nats, of predicting `q` where `p` holds. */
const divergence = (p: readonly number[], q: ArrayLike<number>) =>
  p.reduce((sum, p, i) => sum + p * Math.log(p / q[i]) + (1 - p) * Math.log((1 - p) / (1 - q[i])), 0) / p.length

describe.each([
  // Little is learnt from one click: beliefs stay all but normal, and the filter is all but exact.
  ['weak interests', { interestSd: 0.4, driftSd: 0.5, affinityWeight: 1 }, 1e-5],
  ['the reference interests', {}, 3e-4],
])('with one topic and %s', (_, change, nats) => {
  const runs = [0, 1, 2, 3].map((seed) => {
    const world = worldOfOneTopic(seed, { ...setting, ...change })
    const found = referencePredictions(world, { fromDay })
    const exact = exactPredictions(world)
    return (one: Knowledge, other: Knowledge) =>
      divergence(
        Array.from(found.rows, (row) => exact[one][row]),
        found.predictions[other],
      )
  })

  test.each(knowledge)('%s predicts what summing over the grid does, and no other way of knowing does', (name) => {
    for (const run of runs) expect(run(name, name)).toBeLessThan(nats)
    for (const other of knowledge)
      if (other !== name) expect(Math.max(...runs.map((run) => run(name, other)))).toBeGreaterThan(nats)
  })
})
