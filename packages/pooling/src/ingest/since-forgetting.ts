/** Whether each row, an event or an outcome, is of a user who was not forgotten at its time or later. One of nobody is. */
export async function sinceForgetting(
  rows: readonly { readonly user: string | null; readonly timeMs: number }[],
  forgottenAtMs: (users: readonly string[]) => Promise<Float64Array>,
): Promise<readonly boolean[]> {
  const users = [...new Set(rows.flatMap(({ user }) => user ?? []))]
  const times = users.length > 0 ? await forgottenAtMs(users) : []
  const forgottenMs = new Map(users.map((user, i) => [user, times[i]]))
  // A time that is none is left to be refused.
  return rows.map(({ user, timeMs }) => user === null || !(timeMs <= forgottenMs.get(user)!))
}
