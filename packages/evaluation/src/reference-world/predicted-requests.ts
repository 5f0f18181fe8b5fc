/** Shape letters: R scored impressions. */
import type { LogEvent } from '@headwater/features'

/** One impression of a world whose truth is known. */
interface Impression {
  readonly event: LogEvent
  readonly day: number
  readonly clickProbability: number
}

export interface WorldPredictions<Name extends string> {
  /** Places in the log, [R] ascending. */
  readonly rows: readonly number[]
  /** True click probabilities [R]. */
  readonly truth: readonly number[]
  /** E[p | what is known] [R], by what a prediction may know. */
  readonly predictions: Readonly<Record<Name, readonly number[]>>
}

/** A value for each name. */
export const byName = <Name extends string, T>(names: readonly Name[], make: (name: Name) => T) =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>

/**
 * Predictions of each request by an observer that learns from it, of the days from `fromDay` on.
 *
 * @param perRequest impressions of a request, which come together
 * @param observe predictions by name of a request's impressions, null before they are scored
 * @param signal is looked at once a day
 */
export function predictRequests<Name extends string, T extends Impression>(
  names: readonly Name[],
  impressions: Iterable<T>,
  perRequest: number,
  observe: (request: readonly T[]) => Readonly<Record<Name, readonly number[]>> | null,
  signal?: AbortSignal,
): WorldPredictions<Name> {
  const rows: number[] = []
  const truth: number[] = []
  const predictions = byName(names, (): number[] => [])
  let day = -1
  for (const request of requestsOf(impressions, perRequest)) {
    if (request[0].day !== day) signal?.throwIfAborted()
    day = request[0].day
    const predicted = observe(request)
    if (predicted === null) continue
    for (const { event, clickProbability } of request) {
      rows.push(event.row)
      truth.push(clickProbability)
    }
    for (const name of names) predictions[name].push(...predicted[name])
  }
  return { rows, truth, predictions }
}

function* requestsOf<T>(impressions: Iterable<T>, perRequest: number): Generator<T[]> {
  let request: T[] = []
  for (const impression of impressions) {
    request.push(impression)
    if (request.length < perRequest) continue
    yield request
    request = []
  }
}
