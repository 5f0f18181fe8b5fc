/** What a user's earlier clicks of the day do to the next one. Nothing of it is left when the next day begins. */
import type { HiddenSetting } from './setting.ts'
import type { HiddenItem } from './world.ts'

export interface PastClick {
  readonly item: Pick<HiddenItem, 'category' | 'bundle'>
  /** Number of the session within the day. */
  readonly session: number
  readonly timeMs: number
}

const msPerHour = 3_600_000

/** The bundle that a click on an item of this one makes likelier. */
export const nextBundle = (bundle: number, { bundles }: HiddenSetting): number => (bundle + 1) % bundles

/**
 * Logit that the user's clicks of the day add to a click on an item: satiation with the item's category within a session, and
 * follow-ups of clicks on the bundle before the item's, which fade within hours.
 */
export function orderEffect(
  setting: HiddenSetting,
  clicks: readonly PastClick[],
  { category, bundle }: Pick<HiddenItem, 'category' | 'bundle'>,
  session: number,
  timeMs: number,
): number {
  let effect = 0
  for (const { item, ...past } of clicks) {
    if (past.session === session && item.category === category) effect += setting.satiationWeight
    if (nextBundle(item.bundle, setting) !== bundle) continue
    effect += setting.followUpWeight * 2 ** ((past.timeMs - timeMs) / msPerHour / setting.followUpHours)
  }
  return effect
}
