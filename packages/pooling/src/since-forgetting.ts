import type { LogEvent } from '@headwater/features'

/** Whether each event is of a user who was not forgotten at its time or later. */
export async function sinceForgetting(
  events: readonly LogEvent[],
  forgottenAtMs: (users: readonly string[]) => Promise<Float64Array>,
): Promise<readonly boolean[]> {
  const users = [...new Set(events.map(({ user }) => user))]
  const times = await forgottenAtMs(users)
  const forgottenMs = new Map(users.map((user, i) => [user, times[i]]))
  // A time that is none is left to be refused.
  return events.map(({ user, timeMs }) => !(timeMs <= forgottenMs.get(user)!))
}
