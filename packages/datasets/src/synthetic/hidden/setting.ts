import { LogError } from '../../log/log-error.ts'

/** One of a user's interests: a vector that drifts, and that counts at some times of the week. */
export interface HiddenInterest {
  /** When it is on. */
  readonly when: 'work' | 'evening' | 'weekend'
  /** Standard deviation of each of its K numbers. */
  readonly sd: number
  /** Correlation of each number from one day to the next. */
  readonly kept: number
}

/**
 * Parameters of the world whose items have hidden factors, as of 600,000 impressions. Weights and bases are logits. Shape
 * letters: U users, I items, K factors, C categories, M interests, L impressions of a request.
 */
export const hiddenSetting = {
  kind: 'hidden' as const,
  /** U */
  users: 800,
  /** I */
  items: 600,
  days: 20,
  /** Rounded down to whole requests. */
  impressionsPerDay: 30_000,

  /** K: numbers behind an item, which no log shows; their squares sum to about 1. */
  factors: 5,
  /** C */
  categories: 16,
  /** Part of the factors' variance that lies between categories. */
  categoryShare: 0.45,
  /** Part of the items whose category says nothing of their factors. */
  strayShare: 0.1,
  /** Standard deviation of an item's quality. */
  qualitySd: 0.4,
  /** Standard deviation of an item's popularity, its correlation from one day to the next, and its weight in a click. */
  popularitySd: 0.8,
  popularityKept: 0.8,
  popularityWeight: 0.25,
  /** Weight of log(1 + age in days) in a click, and days in which age halves the chance of being shown. */
  ageWeight: -0.15,
  freshDays: 10,

  /** M */
  interests: [
    { when: 'work', sd: 1.5, kept: 0.98 },
    { when: 'evening', sd: 1.5, kept: 0.94 },
    { when: 'weekend', sd: 1.5, kept: 0.97 },
  ] as readonly HiddenInterest[],
  /** What an interest weighs when it is off, against 1 when it is on. The squares of a time's weights are then made to sum to 1. */
  offWeight: 0.4,
  /** Of a click in the evening. */
  eveningWeight: 0.25,

  /** L: base of a click at each position. */
  positions: [-2, -2.3, -2.5],
  /** Mean of the requests of a session (geometric), and of the seconds between two of them (exponential, and one second). */
  requestsPerSession: 5,
  secondsBetweenRequests: 60,
  /** Weight of each of the session's clicks on an item of the same category. */
  satiationWeight: -0.3,
  /** Items are of this many bundles, and a click on one makes items of the next bundle likelier. */
  bundles: 30,
  followUpWeight: 0.5,
  /** In which a click's follow-up halves. */
  followUpHours: 6,
  /** Part of the impressions that are drawn from the bundle that follows an item of the user's last request of the day. */
  relatedShare: 0.25,

  /** Shape of the Gamma distribution of the users' activity. */
  activityShape: 1.5,
  /** Standard deviation of the hours by which a user comes earlier or later than others. */
  hoursSd: 2,
  /** Shares of items and users that are not there from the first day. */
  laterItems: 0.5,
  laterUsers: 0.3,

  /** A click converts with logit base + affinityWeight · affinity + the user's own, N(0, userSd²). */
  conversions: { base: -2.2, affinityWeight: 0.5, userSd: 0.7, meanDelayDays: 0.25, windowDays: 1 },
}

export type HiddenSetting = typeof hiddenSetting

/** Four times the users, each with as many impressions: 2.4 million. */
export const hiddenMediumSetting: HiddenSetting = { ...hiddenSetting, users: 3200, impressionsPerDay: 120_000 }

/** Ten million. */
export const hiddenLargeSetting: HiddenSetting = { ...hiddenSetting, users: 13_333, impressionsPerDay: 500_000 }

type Range = readonly [low: number, high: number, whole?: 'whole']
type NumberOf<T> = { [Key in keyof T]: T[Key] extends number ? Key : never }[keyof T]

const [share, above0, any]: Range[] = [
  [0, 1],
  [1e-9, 1e9],
  [-100, 100],
]
/** What keeps 32-bit indices and a day's rows in memory whole. */
const count: Range = [1, 2 ** 27, 'whole']

const ranges: Record<NumberOf<HiddenSetting>, Range> = {
  users: count,
  items: count,
  days: [1, 3650, 'whole'],
  impressionsPerDay: count,
  factors: [1, 256, 'whole'],
  categories: [1, 4096, 'whole'],
  categoryShare: share,
  strayShare: share,
  qualitySd: [0, 100],
  popularitySd: [0, 10],
  popularityKept: share,
  popularityWeight: any,
  ageWeight: any,
  freshDays: above0,
  offWeight: [1e-3, 1],
  eveningWeight: any,
  requestsPerSession: [1, 1000],
  secondsBetweenRequests: [0, 3600],
  satiationWeight: any,
  bundles: [1, 4096, 'whole'],
  followUpWeight: any,
  followUpHours: above0,
  relatedShare: share,
  activityShape: [1e-3, 1e3],
  hoursSd: [0, 24],
  laterItems: share,
  // Else the first days would have next to nobody.
  laterUsers: [0, 0.9],
}

/** @throws LogError where a parameter is out of range */
export function checkHiddenSetting(setting: HiddenSetting): void {
  for (const [name, range] of Object.entries(ranges)) check(name, setting[name as keyof typeof ranges], range)
  const { interests, positions, conversions, impressionsPerDay } = setting
  check('interests', interests.length, [1, 16, 'whole'])
  interests.forEach(({ sd, kept }, m) => {
    check(`interests[${m}].sd`, sd, [1e-6, 100])
    check(`interests[${m}].kept`, kept, share)
  })
  check('positions', positions.length, [1, 64, 'whole'])
  positions.forEach((base, position) => {
    check(`positions[${position}]`, base, any)
  })
  // A user's requests lie a millisecond apart at least, however active the user.
  check('impressionsPerDay', impressionsPerDay, [positions.length, 1000 * positions.length * setting.users])
  for (const name of ['base', 'affinityWeight'] as const) check(`conversions.${name}`, conversions[name], any)
  check('conversions.userSd', conversions.userSd, [0, 100])
  for (const name of ['meanDelayDays', 'windowDays'] as const) check(`conversions.${name}`, conversions[name], above0)
}

function check(field: string, value: number, [low, high, whole]: Range): void {
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return
  const remedy = `use a ${whole ? 'whole ' : ''}number from ${low} to ${high}`
  throw new LogError(`${field} is ${value}`, remedy, { field })
}
