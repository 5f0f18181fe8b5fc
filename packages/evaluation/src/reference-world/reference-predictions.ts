/** Shape letters: R scored impressions. */
import { type SyntheticImpression, type SyntheticWorld, syntheticEvents } from '@headwater/datasets'
import { ClickPredictor, liveTopics } from './belief.ts'
import { InterestFilter } from './interest-filter.ts'

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

export interface ReferencePredictions {
  /** Places in the log, [R] ascending. */
  readonly rows: Uint32Array
  readonly users: Uint32Array
  readonly labels: Uint8Array
  /** True click probabilities [R]. */
  readonly truth: Float64Array
  /** E[p | what is known] [R], by the Gaussian filter. */
  readonly predictions: Readonly<Record<Knowledge, Float64Array>>
}

/**
 * Best predictions of a synthetic world's clicks from `fromDay` on, by what they may know of the user; the world's ads,
 * surfaces, policy and shocks are known to all.
 * @param signal is looked at once a day
 */
export function referencePredictions(
  world: SyntheticWorld,
  { fromDay, signal }: { fromDay: number; signal?: AbortSignal },
): ReferencePredictions {
  const rows: number[] = []
  const users: number[] = []
  const labels: number[] = []
  const truth: number[] = []
  const predictions = Object.fromEntries(knowledge.map((name) => [name, [] as number[]])) as Record<Knowledge, number[]>
  const observer = new Observer(world, fromDay)
  let day = -1
  for (const request of requestsOf(world)) {
    if (request[0].day !== day) signal?.throwIfAborted()
    day = request[0].day
    const predicted = observer.observe(request)
    if (predicted === null) continue
    for (const { event, user, clickProbability } of request) {
      rows.push(event.row)
      users.push(user)
      labels.push(clicked(event) ? 1 : 0)
      truth.push(clickProbability)
    }
    for (const name of knowledge) predictions[name].push(...predicted[name])
  }
  return {
    rows: Uint32Array.from(rows),
    users: Uint32Array.from(users),
    labels: Uint8Array.from(labels),
    truth: Float64Array.from(truth),
    predictions: Object.fromEntries(
      knowledge.map((name) => [name, Float64Array.from(predictions[name])]),
    ) as ReferencePredictions['predictions'],
  }
}

/** Follows the log request by request, with one filter for each way of knowing. */
class Observer {
  readonly #world: SyntheticWorld
  readonly #fromDay: number
  readonly #predictor: ClickPredictor
  readonly #filters: Record<Knowledge, InterestFilter>
  #live: Float64Array = new Float64Array()
  #liveDay = -1

  constructor(world: SyntheticWorld, fromDay: number) {
    this.#world = world
    this.#fromDay = fromDay
    this.#predictor = new ClickPredictor(world)
    this.#filters = Object.fromEntries(
      knowledge.map((name) => [name, new InterestFilter(world, { knowsProfiles: name !== 'nobody' })]),
    ) as Record<Knowledge, InterestFilter>
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
    const predicted = day < this.#fromDay ? null : this.#predict(user, ads, surface, day)
    asynchronous.copy(user, synchronous)
    synchronous.show(user, ads, this.#live)
    for (const { event, ad } of request) synchronous.click(user, ad, surface, clicked(event))
    return predicted
  }

  #predict(user: number, ads: readonly number[], surface: number, day: number): Record<Knowledge, number[]> {
    return Object.fromEntries(
      knowledge.map((name) => {
        const filter = this.#filters[name]
        filter.advance(user, day)
        return [name, this.#predictor.predict(filter.belief(user), ads, surface, this.#live)]
      }),
    ) as Record<Knowledge, number[]>
  }
}

function clicked({ values }: SyntheticImpression['event']): boolean {
  return values[3] === 1
}

/** The impressions of a request share user, surface and time, and come together. */
function* requestsOf(world: SyntheticWorld): Generator<SyntheticImpression[]> {
  let request: SyntheticImpression[] = []
  for (const impression of syntheticEvents(world)) {
    request.push(impression)
    if (request.length < world.setting.adsPerRequest) continue
    yield request
    request = []
  }
}
