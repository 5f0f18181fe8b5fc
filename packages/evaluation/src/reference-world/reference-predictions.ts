import { type SyntheticImpression, type SyntheticWorld, syntheticEvents } from '@headwater/datasets'
import { liveTopics, predictClicks } from './belief.ts'
import { InterestFilter } from './interest-filter.ts'
import { byName, predictRequests, type WorldPredictions } from './predicted-requests.ts'

/**
 * What a prediction may know of the user, each beside the row's own ad, surface and day:
 * - `synchronous`: all that was seen strictly earlier
 * - `asynchronous`: the same at the user's previous request, before its outcome
 * - `daily`: what was seen before the day
 * - `frozen`: what was seen before the first scored day
 * - `profile`: the profile only
 * - `nobody`: nothing
 */
export const knowledge = ['synchronous', 'asynchronous', 'daily', 'frozen', 'profile', 'nobody'] as const
export type Knowledge = (typeof knowledge)[number]

/**
 * Best predictions, by the Gaussian filter, of a synthetic world's clicks from `fromDay` on, by what they may know of the user; the
 * world's ads, surfaces, policy and shocks are known to all.
 * @param signal is looked at once a day
 */
export function referencePredictions(
  world: SyntheticWorld,
  { fromDay, signal }: { fromDay: number; signal?: AbortSignal },
): WorldPredictions<Knowledge> {
  const observer = new Observer(world, fromDay)
  const { adsPerRequest } = world.setting
  return predictRequests(
    knowledge,
    syntheticEvents(world),
    adsPerRequest,
    (request) => observer.observe(request),
    signal,
  )
}

/** Follows the log request by request, with one filter for each way of knowing. */
class Observer {
  readonly #world: SyntheticWorld
  readonly #fromDay: number
  readonly #filters: Record<Knowledge, InterestFilter>
  #live: Float64Array = new Float64Array()
  #liveDay = -1

  constructor(world: SyntheticWorld, fromDay: number) {
    this.#world = world
    this.#fromDay = fromDay
    this.#filters = byName(knowledge, (name) => new InterestFilter(world, { knowsProfiles: name !== 'nobody' }))
  }

  /** Predicts a request's clicks from the first scored day on, else null; then learns from them. */
  observe(request: readonly SyntheticImpression[]): Record<Knowledge, number[]> | null {
    const { user, surface, day } = request[0]
    const { synchronous, asynchronous, daily, frozen } = this.#filters
    const ads = request.map(({ ad }) => ad)
    if (day !== this.#liveDay) {
      this.#live = liveTopics(this.#world, day)
      this.#liveDay = day
    }
    if (synchronous.dayOf(user) < day) {
      // The user's first request of the day: what is known now is what was known when the day began.
      daily.copy(user, synchronous)
      if (synchronous.dayOf(user) < this.#fromDay) frozen.copy(user, synchronous)
    }
    synchronous.advance(user, day)
    const predict = (name: Knowledge) => {
      const filter = this.#filters[name]
      filter.advance(user, day)
      return predictClicks(this.#world, filter.belief(user), ads, surface, this.#live)
    }
    const predicted = day < this.#fromDay ? null : byName(knowledge, predict)
    asynchronous.copy(user, synchronous)
    synchronous.show(user, ads, this.#live)
    for (const { event, ad } of request) synchronous.click(user, ad, surface, event.values[3] === 1)
    return predicted
  }
}
