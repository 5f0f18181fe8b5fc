import { type HiddenImpression, type HiddenWorld, hiddenEvents, orderEffect, type PastClick } from '@headwater/datasets'
import { expectedSigmoid } from '../belief.ts'
import { byName, predictRequests, type WorldPredictions } from '../predicted-requests.ts'
import { mixedUpdate, updateOf } from './click-update.ts'
import { type Affinity, InterestBeliefs } from './interest-belief.ts'

/**
 * What a prediction may know, beside all parameters of the world and what holds for all users of the row's item, time and position:
 * - `synchronous`: the items' factors, and all that was seen of the user strictly earlier
 * - `unordered`: the same, but not what the day's clicks do to the next ones
 * - `asynchronous`: all that `synchronous` knows, at the user's previous request, before its outcome
 * - `daily`: what was seen before the day
 * - `frozen`: what was seen before the first scored day
 * - `categories`: of items the category alone, and all that was seen of the user strictly earlier: what counts by category can tell
 *   at best
 * - `nobody`: the items' factors, and nothing of the user
 */
export const hiddenKnowledge = [
  'synchronous',
  'unordered',
  'asynchronous',
  'daily',
  'frozen',
  'categories',
  'nobody',
] as const
export type HiddenKnowledge = (typeof hiddenKnowledge)[number]

/** Clicks of the user's day. */
interface Today {
  day: number
  /** Of requests before the last. */
  clicks: PastClick[]
  /** Of the last request: those that came, and all its impressions with their probabilities. */
  last: PastClick[]
  expected: { readonly click: PastClick; readonly probability: number }[]
}

/**
 * Best predictions of clicks from `fromDay` on in a world with hidden item factors, by what they may know.
 * @param signal is looked at once a day
 */
export function hiddenPredictions(
  world: HiddenWorld,
  { fromDay, signal }: { fromDay: number; signal?: AbortSignal },
): WorldPredictions<HiddenKnowledge> {
  const observer = new Observer(world, fromDay)
  const perRequest = world.setting.positions.length
  const observe = (request: readonly HiddenImpression[]) => observer.observe(request)
  return predictRequests(hiddenKnowledge, hiddenEvents(world), perRequest, observe, signal)
}

/** Follows the log request by request. */
class Observer {
  readonly #world: HiddenWorld
  readonly #fromDay: number
  readonly #beliefs: Record<HiddenKnowledge, InterestBeliefs>
  readonly #today = new Map<number, Today>()
  readonly #orders = new OrderEffects()

  constructor(world: HiddenWorld, fromDay: number) {
    this.#world = world
    this.#fromDay = fromDay
    const synchronous = new InterestBeliefs(world)
    this.#beliefs = byName(hiddenKnowledge, (name) =>
      name === 'synchronous' || name === 'unordered' ? synchronous : new InterestBeliefs(world),
    )
  }

  /** Predicts a request's clicks, from the first scored day on, else null; then learns from them. */
  observe(request: readonly HiddenImpression[]): Record<HiddenKnowledge, number[]> | null {
    const { user, day } = request[0]
    this.#orders.begin(day)
    const { synchronous, asynchronous, daily, frozen, categories } = this.#beliefs
    if (synchronous.dayOf(user) < day) {
      // The user's first request of the day: what is known now is what was known when the day began.
      daily.copy(user, synchronous)
      if (synchronous.dayOf(user) < this.#fromDay) frozen.copy(user, synchronous)
    }
    const isScored = day >= this.#fromDay
    for (const name of ['synchronous', 'categories'] as const) this.#beliefs[name].advance(user, day)
    if (isScored) for (const known of [asynchronous, daily, frozen]) known.advance(user, day)
    const predicted = byName(hiddenKnowledge, (): number[] => [])
    const today = this.#todayOf(user, day)
    for (const impression of request) {
      const p = this.#predict('synchronous', impression, { mean: impression.orderEffect, variance: 0 })
      predicted.synchronous.push(p)
      if (!isScored) continue
      predicted.asynchronous.push(this.#predict('asynchronous', impression, this.#expectedOrder(today, impression)))
      for (const name of ['unordered', 'daily', 'frozen', 'nobody'] as const)
        predicted[name].push(this.#predict(name, impression, this.#orders))
      predicted.categories.push(this.#predictByCategory(impression))
    }
    asynchronous.copy(user, synchronous)
    for (const impression of request) {
      this.#learn(synchronous, impression)
      this.#learnByCategory(categories, impression)
      this.#orders.add(impression.orderEffect)
    }
    this.#remember(today, request, predicted.synchronous)
    return isScored ? predicted : null
  }

  /** @param order what is known of the effect of the day's clicks */
  #predict(name: HiddenKnowledge, impression: HiddenImpression, order: Affinity): number {
    const { user, item, interestWeights, offset } = impression
    const { mean, variance } = this.#beliefs[name].affinity(user, interestWeights, this.#world.items[item].factors)
    return expectedSigmoid(offset + order.mean + mean, order.variance + variance)
  }

  #learn(beliefs: InterestBeliefs, { user, item, interestWeights, offset, orderEffect, clicked }: HiddenImpression) {
    const affinity = beliefs.affinity(user, interestWeights, this.#world.items[item].factors)
    const { step, shrink } = updateOf(offset + orderEffect, affinity, clicked)
    beliefs.learn(user, step, shrink)
  }

  #predictByCategory(impression: HiddenImpression): number {
    const { affinity, unknown, offset, strayShare } = this.#byCategory(this.#beliefs.categories, impression)
    const usual = expectedSigmoid(offset + affinity.mean, affinity.variance + unknown.usual.variance)
    return (1 - strayShare) * usual + strayShare * expectedSigmoid(offset, unknown.stray.variance)
  }

  #learnByCategory(beliefs: InterestBeliefs, impression: HiddenImpression): void {
    const { affinity, unknown, offset, strayShare } = this.#byCategory(beliefs, impression)
    const { step, shrink, bend } = mixedUpdate(offset, affinity, unknown, strayShare, impression.clicked)
    beliefs.learn(impression.user, step, shrink)
    beliefs.learnStrength(impression.user, impression.interestWeights, bend)
  }

  /** An impression as one sees it who takes each item for any of its category. */
  #byCategory(beliefs: InterestBeliefs, { user, item, interestWeights, offset, orderEffect }: HiddenImpression) {
    const { items, centers, setting } = this.#world
    const strength = beliefs.strength(user, interestWeights)
    const part = (share: number) => {
      const perStrength = share / setting.factors
      return { perStrength, variance: perStrength * strength }
    }
    return {
      affinity: beliefs.affinity(user, interestWeights, centers[items[item].category]),
      unknown: { usual: part(1 - setting.categoryShare), stray: part(1) },
      offset: offset + orderEffect,
      strayShare: setting.strayShare,
    }
  }

  /** Before the outcome of the last request is known, each of its clicks adds what it would with its probability. */
  #expectedOrder({ clicks, expected }: Today, { item, session, event }: HiddenImpression): Affinity {
    const effectOf = (past: readonly PastClick[]) =>
      orderEffect(this.#world.setting, past, this.#world.items[item], session, event.timeMs)
    let mean = effectOf(clicks)
    let variance = 0
    for (const { click, probability } of expected) {
      const effect = effectOf([click])
      mean += probability * effect
      variance += probability * (1 - probability) * effect ** 2
    }
    return { mean, variance }
  }

  #todayOf(user: number, day: number): Today {
    const known = this.#today.get(user)
    if (known?.day === day) return known
    const today: Today = { day, clicks: [], last: [], expected: [] }
    this.#today.set(user, today)
    return today
  }

  #remember(today: Today, request: readonly HiddenImpression[], probabilities: readonly number[]): void {
    today.clicks.push(...today.last)
    const clicks = request.map(({ item, session, event }): PastClick => {
      return { item: this.#world.items[item], session, timeMs: event.timeMs }
    })
    today.last = clicks.filter((_, i) => request[i].clicked)
    today.expected = clicks.map((click, i) => ({ click, probability: probabilities[i] }))
  }
}

/** Mean and variance of the order effects of the days before. */
class OrderEffects {
  mean = 0
  variance = 0
  #day = -1
  #rows = 0
  #sum = 0
  #squares = 0

  begin(day: number): void {
    if (day === this.#day) return
    this.#day = day
    if (this.#rows === 0) return
    this.mean = this.#sum / this.#rows
    this.variance = this.#squares / this.#rows - this.mean ** 2
  }

  add(effect: number): void {
    this.#rows++
    this.#sum += effect
    this.#squares += effect ** 2
  }
}
