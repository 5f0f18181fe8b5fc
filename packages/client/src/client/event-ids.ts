/** How many of a user's last event ids the service knows again. */
const rememberedIds = 64

/**
 * New ids, [E], that nobody else makes: 128 random bits of the call, and the event's place in it. `crypto.randomUUID` is
 * missing on pages that came without TLS.
 */
export function newEventIds(events: number): readonly string[] {
  const random = crypto.getRandomValues(new Uint32Array(4))
  const call = Array.from(random, (part) => part.toString(36)).join('')
  return Array.from({ length: events }, (_, i) => `${call}.${i.toString(36)}`)
}

/** Whether the service knows all of a call's events again, should the call come twice. */
export function areKnownAgain(users: readonly string[]): boolean {
  if (users.length <= rememberedIds) return true
  const counts = new Map<string, number>()
  for (const user of users) counts.set(user, (counts.get(user) ?? 0) + 1)
  return Math.max(...counts.values()) <= rememberedIds
}
