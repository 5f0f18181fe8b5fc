/** The requests of a day: who comes when, in which session. */
import { RandomStream } from '../random-stream.ts'
import { runningSum } from '../running-sum.ts'
import { dayMs, startMs, visitsByHour } from './week.ts'
import type { HiddenWorld } from './world.ts'

export interface Visit {
  readonly user: number
  /** Number of the session within the day. */
  readonly session: number
  readonly timeMs: number
}

export const requestsPerDay = ({ setting }: Pick<HiddenWorld, 'setting'>): number =>
  Math.floor(setting.impressionsPerDay / setting.positions.length)

/** Sessions end by then: the day's last minute is left for requests that would have the time of an earlier one. */
const lastMs = dayMs - 60_000

/** A day's requests in time order; those of one user have different times. */
export function visitsOfDay(world: HiddenWorld, day: number): Visit[] {
  const { users, setting, seed } = world
  const random = new RandomStream(seed, 'visits', day)
  const byActivity = runningSum(users.map(({ activity, firstDay }) => (firstDay <= day ? activity : 0)))
  const byHour = runningSum(visitsByHour(day))
  const beginMs = startMs + day * dayMs
  const count = requestsPerDay(world)
  const visits: Visit[] = []
  const goesOn = 1 - 1 / setting.requestsPerSession
  for (let session = 0; visits.length < count; session++) {
    const user = random.pick(byActivity)
    const hour = random.pick(byHour) + random.uniform() + users[user].hoursLater
    // Around the clock, so that shifted hours stay within the day.
    let sinceMs = ((((hour / 24) % 1) + 1) % 1) * lastMs
    do {
      visits.push({ user, session, timeMs: beginMs + Math.floor(sinceMs) })
      sinceMs += 1000 * (1 - setting.secondsBetweenRequests * Math.log(1 - random.uniform()))
    } while (visits.length < count && sinceMs < lastMs && random.uniform() < goesOn)
  }
  return inOrder(visits)
}

function inOrder(visits: readonly Visit[]): Visit[] {
  const latest = new Map<number, number>()
  const byTime = (a: Visit, b: Visit) => a.timeMs - b.timeMs
  const apart = [...visits].sort(byTime).map((visit) => {
    const timeMs = Math.max(visit.timeMs, (latest.get(visit.user) ?? 0) + 1)
    latest.set(visit.user, timeMs)
    return { ...visit, timeMs }
  })
  return apart.sort(byTime)
}
