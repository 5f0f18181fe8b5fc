import type { FieldValue, LogEvent } from '@headwater/features'
import { drawConversion } from '../conversion.ts'
import { RandomStream } from '../random-stream.ts'
import { runningSum } from '../running-sum.ts'
import type { SyntheticConversions } from './setting.ts'
import type { SyntheticAd, SyntheticUser, SyntheticWorld } from './world.ts'

const dayMs = 86_400_000

/** The log starts on a Monday. */
const startMs = Date.UTC(2024, 0, 1)

/** One impression, with the truth that no model sees. */
export type SyntheticImpression =
  ReturnType<typeof impressionsOfDay> extends Generator<infer Impression> ? Impression : never

/** Interest θ = mean + shocks + drift of all users on one day after the other. Shape [U, K]. */
export class Interests {
  readonly values: Float64Array
  readonly #world: SyntheticWorld
  readonly #drift: Float64Array
  #nextDay = 0

  constructor(world: SyntheticWorld) {
    const size = world.setting.users * world.setting.topics
    this.#world = world
    this.#drift = new Float64Array(size)
    this.values = new Float64Array(size)
  }

  /** Goes on to the next day; the first call gives day 0, whose drift is stationary. */
  advance(): void {
    const { seed, setting, users, shocks } = this.#world
    const day = this.#nextDay++
    const random = new RandomStream(seed, 'drift', day)
    const kept = day === 0 ? 0 : setting.driftCorrelation
    const added = Math.sqrt(1 - kept * kept) * setting.driftSd
    const shock = new Float64Array(setting.topics)
    for (const { day: from, topic, amount } of shocks) if (from <= day) shock[topic] += amount
    for (let u = 0, i = 0; u < setting.users; u++) {
      for (let k = 0; k < setting.topics; k++, i++) {
        this.#drift[i] = kept * this.#drift[i] + added * random.normal()
        this.values[i] = users[u].interest[k] + shock[k] + this.#drift[i]
      }
    }
  }
}

export function requestsPerDay({ impressionsPerDay, adsPerRequest }: SyntheticWorld['setting']): number {
  return Math.floor(impressionsPerDay / adsPerRequest)
}

/** Times of a day's requests in order, uniform over the day. */
export function requestTimes(world: SyntheticWorld, day: number): Float64Array {
  const random = new RandomStream(world.seed, 'requests', 2 * day)
  const begin = startMs + day * dayMs
  return Float64Array.from({ length: requestsPerDay(world.setting) }, () => begin + random.integer(0, dayMs)).sort()
}

/** The impressions of one day in time order: those of a request share user, surface and time. */
export function* impressionsOfDay(world: SyntheticWorld, interests: Float64Array, day: number) {
  const { setting, surfaces, ads, users } = world
  const { topics, adsPerRequest, affinityWeight, targetingWeight, conversions } = setting
  const random = new RandomStream(world.seed, 'requests', 2 * day + 1)
  const conversionRandom = new RandomStream(world.seed, 'conversions', day)
  const userWeights = runningSum(users.map((user) => (user.firstDay <= day ? user.activity : 0)))
  const surfaceWeights = runningSum(surfaces.map(({ share }) => share))
  const live = ads.flatMap((ad, index) => (ad.firstDay <= day ? [{ ad, index }] : []))
  const liveTopics = Float64Array.from(live.flatMap(({ ad }) => Array.from(ad.topics)))
  const adWeights = new Float64Array(live.length)
  let row = day * requestsPerDay(setting) * adsPerRequest

  for (const timeMs of requestTimes(world, day)) {
    const u = random.pick(userWeights)
    const surface = random.pick(surfaceWeights)
    const interest = interests.subarray(u * topics, (u + 1) * topics)
    const { base, gains } = surfaces[surface]
    let total = 0
    for (let i = 0; i < live.length; i++) {
      let match = 0
      for (let k = 0; k < topics; k++) match += interest[k] * liveTopics[i * topics + k]
      total += Math.exp(targetingWeight * match)
      adWeights[i] = total
    }
    for (let i = 0; i < adsPerRequest; i++) {
      const place = random.pick(adWeights)
      const { ad, index } = live[place]
      let affinity = 0
      for (let k = 0; k < topics; k++) affinity += interest[k] * gains[k] * ad.topics[k]
      const clickProbability = 1 / (1 + Math.exp(-(base + ad.quality + affinityWeight * affinity)))
      const click = random.uniform() < clickProbability ? 1 : 0
      const conversion =
        conversions && click
          ? drawConversion(conversionRandom, conversions, buyingLogit(conversions, users[u], ad, affinity))
          : null
      const values: FieldValue[] = [ad.topics, `s${surface}`, users[u].profile, click]
      if (conversions) values.push(conversion?.label ?? null)
      const event: LogEvent = { row, user: `u${u}`, item: `a${index}`, timeMs, values }
      yield {
        event,
        /** From 0, at the log's first midnight. */
        day,
        /** Places in the world's lists. */
        user: u,
        ad: index,
        surface,
        /** What the click was drawn with. */
        clickProbability,
        /** Chance that the logging policy chose this ad among those live. */
        propensity: (adWeights[place] - (place === 0 ? 0 : adWeights[place - 1])) / total,
        /** Null where nothing was clicked, or the setting has no conversions. */
        conversion,
      }
      row++
    }
  }
}

function buyingLogit(
  { base, affinityWeight, tasteWeight }: SyntheticConversions,
  user: SyntheticUser,
  ad: SyntheticAd,
  affinity: number,
): number {
  const liking = user.taste.reduce((sum, taste, k) => sum + taste * ad.topics[k], 0)
  return base + affinityWeight * affinity + tasteWeight * liking
}
