import { expect, it } from 'vitest'
import { Reservoir } from './reservoir.ts'

it('holds all while they are few, each once, and never more than it may', () => {
  const sample = new Reservoir(8, 1)
  sample.served(['a', 'b', 'a', 'c'])
  expect([...sample.users]).toEqual(['a', 'b', 'c'])
  for (let i = 0; i < 5_000; i++) {
    sample.served([`u${i}`, `v${i}`])
    expect(sample.users.size).toBeLessThanOrEqual(8)
  }
  expect(sample.users.size).toBe(8)
})

it('has each row as often as any other', () => {
  // 400 samples of 10 of 200 users: each is in 20 on average, with a standard deviation of 4.4.
  const times = new Map<string, number>()
  const users = Array.from({ length: 200 }, (_, i) => `u${i}`)
  for (let seed = 1; seed <= 400; seed++) {
    const sample = new Reservoir(10, seed)
    for (let at = 0; at < users.length; at += 7) sample.served(users.slice(at, at + 7))
    for (const user of sample.users) times.set(user, (times.get(user) ?? 0) + 1)
  }
  const counts = users.map((user) => times.get(user) ?? 0)
  const chiSquare = counts.reduce((sum, count) => sum + (count - 20) ** 2 / (20 * 0.95), 0)
  // 199 degrees of freedom: 99.9 % lie between 139 and 271.
  expect(chiSquare).toBeGreaterThan(139)
  expect(chiSquare).toBeLessThan(271)
  const half = counts.slice(0, 100).reduce((sum, count) => sum + count, 0)
  expect(Math.abs(half - 2_000)).toBeLessThan(4 * Math.sqrt(4_000 * 0.25))
})

it('takes others in the place of those who are forgotten', () => {
  const sample = new Reservoir(4, 3)
  sample.served(['a', 'b', 'c', 'd'])
  sample.forget('b')
  expect(sample.users.has('b')).toBe(false)
  for (let i = 0; i < 1_000; i++) sample.served([`u${i}`])
  expect(sample.users.size).toBe(4)
})
