/** Shape letters: R impressions, N users. */
import { type PotentialOutcomes, type TestWindow, UnfitTestError, type UserDays } from './user-days.ts'

/** Impressions in which two models could have put the ads of each request in order. */
export interface RankedImpressions {
  /** [R]; the impressions of a request come together. */
  readonly requests: ArrayLike<number>
  readonly users: ArrayLike<number>
  readonly labels: ArrayLike<number>
  /** What each model predicts of the click [R]. */
  readonly control: ArrayLike<number>
  readonly treated: ArrayLike<number>
}

/**
 * Clicks a user on the ad that a model puts first in each request, under a control model and under another: a change of
 * ranking as a test would see it. All ads of a request were shown, so that the log knows the click on either choice;
 * equal predictions leave the log's order. `before` are the users' clicks of the days before the window.
 * @throws UnfitTestError where fewer than four users are in the impressions
 */
export function rankingOutcomes(
  { requests, users, labels, control, treated }: RankedImpressions,
  userDays: UserDays,
  { fromDay, daysBefore }: TestWindow,
): PotentialOutcomes {
  const places = new Map<number, number>()
  const outcomes = { control: [] as number[], treated: [] as number[], before: [] as number[] }
  for (let first = 0; first < requests.length; ) {
    let [end, choice, otherChoice] = [first, first, first]
    for (; end < requests.length && requests[end] === requests[first]; end++) {
      if (control[end] > control[choice]) choice = end
      if (treated[end] > treated[otherChoice]) otherChoice = end
    }
    const user = users[first]
    let place = places.get(user)
    if (place === undefined) {
      place = places.size
      places.set(user, place)
      outcomes.control.push(0)
      outcomes.treated.push(0)
      const ownDays = user * userDays.days
      const earlier = userDays.clicks.subarray(ownDays + fromDay - daysBefore, ownDays + fromDay)
      outcomes.before.push(earlier.reduce((sum, clicks) => sum + clicks, 0))
    }
    outcomes.control[place] += labels[choice]
    outcomes.treated[place] += labels[otherChoice]
    first = end
  }
  if (places.size < 4) throw new UnfitTestError(`${places.size} users are in the impressions`, 'give more of them')
  return {
    control: Float64Array.from(outcomes.control),
    treated: Float64Array.from(outcomes.treated),
    before: Float64Array.from(outcomes.before),
  }
}
