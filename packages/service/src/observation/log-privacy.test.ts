/** The log of a service that every route is asked of, searched for the ids of its users. */
import { expect, it } from 'vitest'
import { tokenOf } from '../../testing/http-service.ts'
import { observeService } from '../../testing/observed-service.ts'

const users = ['ann-5c1d', 'bob/8e2f', 'çelik 9a3b']
const path = (user: string) => `/v1/users/${encodeURIComponent(user)}`

/** All that a service can be asked of its users, what fails among it. */
async function runAll(): Promise<readonly string[]> {
  let fails = false
  const { ask, lines, tenants } = await observeService(
    {
      requestLog: { slowMs: 0 },
      outcomes: () => ({
        append: async (outcomes) => {
          if (fails) throw Object.assign(new Error('the disk is full'), { outcomes })
        },
      }),
    },
    {},
    'info',
  )
  const { store } = tenants.get('default')!
  const outcomes = {
    downstream: 'ctr',
    requests: users,
    users,
    predictions: users.map(() => 0.5),
    labels: users.map(() => 1),
    timesMs: users.map(() => 1),
  }
  const events = { users, items: users.map(() => 'i'), timesMs: users.map(() => Date.now()), fields: {} }
  const all = async () => {
    await ask('POST', '/v1/events', { ...events, ids: users })
    await ask('POST', '/v1/events', { ...events, fields: { rating: users } })
    await ask('POST', '/v1/embeddings/read', { users, models: ['m'], latest: true })
    await ask('POST', '/v1/embeddings/read', { users: [...users, ''], models: ['m'] })
    await ask('POST', '/v1/embeddings/read', { users, models: ['none'] })
    await ask('POST', '/v1/outcomes', outcomes)
    await ask('POST', '/v1/outcomes', { ...outcomes, predictions: users })
    for (const user of users) {
      await ask('PUT', `${path(user)}/features`, { values: { country: 'NO' } })
      await ask('PUT', `${path(user)}/features`, { values: { [user]: user } })
      await ask('PUT', `${path(user)}/features?user=${encodeURIComponent(user)}`, { values: {} }, tokenOf.reader)
      await ask('GET', path(user))
      await ask('DELETE', path(user), undefined, 'no-token')
      await ask('DELETE', path(user))
    }
  }
  await all()
  // Now with a store and a log that fail, and whose errors carry the users along.
  fails = true
  const failing = async () => {
    throw Object.assign(new Error('the store is broken'), { users })
  }
  Object.assign(store, { read: failing, forget: failing, readStates: failing, compareAndSetStates: failing })
  outcomes.requests = users.map((user) => `${user}-again`)
  await all()
  return lines
}

it('has no user’s id in clear above debug, and tells them apart all the same', async () => {
  const lines = await runAll()
  expect(lines.length).toBeGreaterThan(40)
  expect(lines.some((line) => JSON.parse(line).level === 50 && line.includes('the store is broken'))).toBe(true)
  const ids = users.flatMap((user) => [
    user,
    encodeURIComponent(user),
    JSON.stringify(user).slice(1, -1),
    user.slice(-4),
  ])
  for (const line of lines) for (const id of ids) expect(line).not.toContain(id)
  const hashes = new Set(lines.flatMap((line) => JSON.parse(line).user ?? []))
  expect(hashes.size).toBe(users.length)
  for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{12}$/)
})

it('has them at debug, in the path as it came', async () => {
  const { ask, lines } = await observeService()
  await ask('PUT', `${path(users[1])}/features`, { values: {} })
  expect(lines.some((line) => line.includes(path(users[1])))).toBe(true)
})
