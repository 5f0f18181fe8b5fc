import { RandomStream } from '../random-stream.ts'
import { checkSeed } from '../seed.ts'
import { checkHiddenSetting, type HiddenSetting, hiddenSetting } from './setting.ts'

/** Shape letters as in setting.ts. */

export type HiddenWorld = ReturnType<typeof hiddenWorld>
export type HiddenItem = HiddenWorld['items'][number]

/**
 * What does not change from day to day behind a log whose items have hidden factors.
 * @throws LogError at a seed or parameter that cannot be used
 */
export function hiddenWorld({ seed = 0, setting = hiddenSetting }: { seed?: number; setting?: HiddenSetting } = {}) {
  checkSeed(seed)
  checkHiddenSetting(setting)
  const { factors, categories, categoryShare } = setting
  /** Mean factors of each category, [C][K]. */
  const centers = Array.from({ length: categories }, (_, c) =>
    normals(new RandomStream(seed, 'category', c), factors, Math.sqrt(categoryShare / factors)),
  )
  const items = Array.from({ length: setting.items }, (_, i) => createItem(seed, setting, centers, i))
  const users = Array.from({ length: setting.users }, (_, u) => createUser(seed, setting, u))
  return { kind: 'hidden' as const, seed, setting, centers, items, users }
}

function createItem(seed: number, setting: HiddenSetting, centers: readonly Float64Array[], index: number) {
  const { factors, categories, categoryShare, strayShare, laterItems, days } = setting
  const random = new RandomStream(seed, 'hiddenItem', index)
  const category = random.integer(0, categories)
  const isStray = random.uniform() < strayShare
  const own = normals(random, factors, Math.sqrt((isStray ? 1 : 1 - categoryShare) / factors))
  const isLater = random.uniform() < laterItems
  return {
    /** [K] */
    factors: isStray ? own : own.map((value, k) => value + centers[category][k]),
    category,
    /** Whether the factors have nothing to do with the category. */
    isStray,
    bundle: random.integer(0, setting.bundles),
    quality: setting.qualitySd * random.normal(),
    /** Day that it came on; below 0 for items that were there before the log. */
    firstDay: arrival(random, isLater && index > 0, days),
  }
}

function createUser(seed: number, setting: HiddenSetting, index: number) {
  const random = new RandomStream(seed, 'hiddenUser', index)
  const activity = random.gamma(setting.activityShape) + 0.05
  const isLater = random.uniform() < setting.laterUsers
  return {
    activity,
    firstDay: Math.max(0, arrival(random, isLater && index > 0, setting.days)),
    /** Hours by which the user comes later than others. */
    hoursLater: setting.hoursSd * random.normal(),
    /** Logit of a conversion that is the user's own. */
    buying: setting.conversions.userSd * random.normal(),
  }
}

/** A later one comes on any day but the first, the others on one of the thirty days before the log. */
function arrival(random: RandomStream, isLater: boolean, days: number): number {
  return isLater && days > 1 ? random.integer(1, days) : random.integer(-30, 0)
}

function normals(random: RandomStream, length: number, sd: number): Float64Array {
  return Float64Array.from({ length }, () => sd * random.normal())
}
