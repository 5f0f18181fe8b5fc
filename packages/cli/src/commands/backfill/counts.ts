/** What a backfill came to, in numbers of users. */
import { count } from '../../terminal/format.ts'

/** Why users are passed over. A vector of a state with later events would be a leak. */
const passedOver = {
  superseded: 'of whom the store holds newer embeddings',
  later: 'whose states know of then or later: give --events to compute them',
  unknown: 'of whom nothing was known by then',
  unreadable: "whose states are not of the snapshot's schema",
  refused: 'whose vectors the store refused',
} as const

/** Numbers of users: looked at so far, computed, and passed over. */
export type BackfillCounts = { [count in 'users' | 'refreshed' | keyof typeof passedOver]: number }

export const noneYet = (): BackfillCounts => {
  return { users: 0, refreshed: 0, superseded: 0, refused: 0, later: 0, unknown: 0, unreadable: 0 }
}

/** A line for each reason why some were passed over. */
export function passedOverLines(counts: BackfillCounts): readonly string[] {
  return Object.entries(passedOver)
    .map(([reason, which]) => [counts[reason as keyof typeof passedOver], which] as const)
    .filter(([users]) => users > 0)
    .map(([users, which]) => `Passed over: ${count(users)} ${which}.`)
}
