import type { FieldValue, LogEvent } from '@headwater/features'
import { drawConversion } from '../conversion.ts'
import { RandomStream } from '../random-stream.ts'
import { runningSum } from '../running-sum.ts'
import { nextBundle, orderEffect, type PastClick } from './order-effects.ts'
import { requestsPerDay, visitsOfDay } from './visits.ts'
import { dayMs, interestWeights, isEvening, startMs } from './week.ts'
import type { HiddenWorld } from './world.ts'

/** One impression, with the truth that no model sees. */
export type HiddenImpression =
  ReturnType<typeof impressionsOfDay> extends Generator<infer Impression> ? Impression : never

/** What moves: interests and popularities on one day after the other. */
export class MovingState {
  /** [U, M, K] */
  readonly interests: Float64Array
  /** [I], standard deviation as in the setting */
  readonly popularity: Float64Array
  readonly #world: HiddenWorld
  #nextDay = 0

  constructor(world: HiddenWorld) {
    const { interests, factors } = world.setting
    this.#world = world
    this.interests = new Float64Array(world.users.length * interests.length * factors)
    this.popularity = new Float64Array(world.items.length)
  }

  /** Goes on to the next day; the first call gives day 0. Both are stationary from there on. */
  advance(): void {
    const { seed, setting } = this.#world
    const day = this.#nextDay++
    const random = new RandomStream(seed, 'hiddenDrift', day)
    const { interests, popularity } = this
    for (let at = 0; at < interests.length; )
      for (const { kept, sd } of setting.interests)
        for (let k = 0; k < setting.factors; k++, at++) interests[at] = next(interests[at], random, day, kept, sd)
    const moves = new RandomStream(seed, 'popularity', day)
    for (let i = 0; i < popularity.length; i++)
      popularity[i] = next(popularity[i], moves, day, setting.popularityKept, setting.popularitySd)
  }
}

function next(value: number, random: RandomStream, day: number, correlation: number, sd: number): number {
  const kept = day === 0 ? 0 : correlation
  return kept * value + Math.sqrt(1 - kept * kept) * sd * random.normal()
}

const names = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i}`)

/**
 * The impressions of one day in time order: those of a request share user and time, and have a position each. What a click does to
 * the same user's next ones ends with the day, so that a day needs no other.
 */
export function* impressionsOfDay(world: HiddenWorld, { interests, popularity }: MovingState, day: number) {
  const { setting, items, users, seed } = world
  const { factors, conversions } = setting
  const random = new RandomStream(seed, 'hiddenDay', day)
  const conversionRandom = new RandomStream(seed, 'hiddenConversions', day)
  const categories = names('c', setting.categories).map((name): FieldValue[] => [name, [name]])
  const positions = names('p', setting.positions.length)
  const shelf = new Shelf(world, popularity, day)
  const clicksOf = new Map<number, PastClick[]>()
  const shownTo = new Map<number, readonly number[]>()
  let row = day * requestsPerDay(world) * positions.length

  for (const { user, session, timeMs } of visitsOfDay(world, day)) {
    const weights = interestWeights(setting, timeMs)
    const interest = new Float64Array(factors)
    weights.forEach((weight, m) => {
      const from = (user * weights.length + m) * factors
      for (let k = 0; k < factors; k++) interest[k] += weight * interests[from + k]
    })
    const clicks = clicksOf.get(user) ?? []
    const came: PastClick[] = []
    const slate = shelf.slate(random, shownTo.get(user))
    shownTo.set(user, slate)
    for (let position = 0; position < positions.length; position++) {
      const place = slate[position]
      const item = items[place]
      const ageDays = (timeMs - startMs) / dayMs - item.firstDay
      let affinity = 0
      for (let k = 0; k < factors; k++) affinity += interest[k] * item.factors[k]
      const offset =
        setting.positions[position] +
        item.quality +
        setting.popularityWeight * popularity[place] +
        setting.ageWeight * Math.log1p(ageDays) +
        (isEvening(timeMs) ? setting.eveningWeight : 0)
      const order = orderEffect(setting, clicks, item, session, timeMs)
      const clickProbability = 1 / (1 + Math.exp(-(offset + order + affinity)))
      const clicked = random.uniform() < clickProbability
      const buying = conversions.base + conversions.affinityWeight * affinity + users[user].buying
      const conversion = clicked ? drawConversion(conversionRandom, conversions, buying) : null
      if (clicked) came.push({ item, session, timeMs })
      const event: LogEvent = {
        row,
        user: `u${user}`,
        item: `i${place}`,
        timeMs,
        values: [
          ...categories[item.category],
          ageDays,
          popularity[place],
          positions[position],
          clicked ? 1 : 0,
          conversion?.label ?? null,
        ],
      }
      yield {
        event,
        /** From 0, at the log's first morning. */
        day,
        /** Places in the world's lists. */
        user,
        item: place,
        position,
        /** Number of the session within the day. */
        session,
        clicked,
        /** What each of the user's interests weighs at this time, [M]. */
        interestWeights: weights,
        /** The logit of the click is the sum of these: what holds for all users, what the user's clicks of the day add, and interest. */
        offset,
        orderEffect: order,
        affinity,
        /** What the click was drawn with. */
        clickProbability,
        /** Null where nothing was clicked. */
        conversion,
      }
      row++
    }
    // Those of one request are not earlier than one another.
    if (came.length > 0) clicksOf.set(user, [...clicks, ...came])
  }
}

/** Items that can be shown on a day. */
class Shelf {
  readonly #world: HiddenWorld
  readonly #all: Part
  readonly #byBundle: readonly Part[]

  constructor(world: HiddenWorld, popularity: Float64Array, day: number) {
    const { items, setting } = world
    const weight = (i: number) => Math.exp(popularity[i]) * 2 ** ((items[i].firstDay - day) / setting.freshDays)
    const part = (chosen: readonly number[]) => ({ items: chosen, weights: runningSum(chosen.map(weight)) })
    const live = items.flatMap(({ firstDay }, i) => (firstDay <= day ? [i] : []))
    this.#world = world
    this.#all = part(live)
    this.#byBundle = Array.from({ length: setting.bundles }, (_, bundle) =>
      part(live.filter((i) => items[i].bundle === bundle)),
    )
  }

  /**
   * Items by popularity and age; some of them are of bundles that follow those of the last request. None comes twice where there are
   * enough. What was clicked has no say, so that what is shown tells nothing of the user.
   */
  slate(random: RandomStream, lastShown: readonly number[] | undefined): number[] {
    const { positions, relatedShare } = this.#world.setting
    const slate: number[] = []
    for (let tries = 0; slate.length < positions.length; tries++) {
      const isRelated = random.uniform() < relatedShare
      const related = lastShown && this.#following(lastShown[random.integer(0, lastShown.length)])
      const { items, weights } = isRelated && related && related.items.length > 0 ? related : this.#all
      const item = items[random.pick(weights)]
      if (tries > 20 * positions.length || !slate.includes(item)) slate.push(item)
    }
    return slate
  }

  #following(item: number): Part {
    const { items, setting } = this.#world
    return this.#byBundle[nextBundle(items[item].bundle, setting)]
  }
}

interface Part {
  readonly items: readonly number[]
  readonly weights: Float64Array
}
