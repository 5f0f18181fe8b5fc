/** What the page finds wrong only as it goes on looking. */
import { expect, it } from 'vitest'

const { Watch } = await import(new URL('../../console/watch.js', import.meta.url).href)

/** What the service tells `seconds` after a start, with the steps in which refreshes were written. */
function at(seconds: number, due: number, refused: number, writtenAt: readonly number[] = [], startedMs = 1) {
  const service = [
    { name: 'headwater_requests_shed_total', labels: { reason: 'delay' }, value: refused - 1 },
    { name: 'headwater_requests_shed_total', labels: { reason: 'concurrency' }, value: 1 },
    { name: 'headwater_requests_failed_total', labels: {}, value: 99 },
  ]
  const data = { startedMs, nowMs: seconds * 1_000, queue: { due }, service }
  return [data, { atMs: writtenAt.map((each) => each * 1_000), landed: writtenAt.map(() => 1) }] as const
}

it('counts what overload has refused while it looked, for a quarter of an hour', () => {
  const watch = new Watch()
  const refusals = (...told: Parameters<typeof at>) => watch.look(...at(...told)).refusals
  expect(refusals(0, 0, 40)).toBe(0)
  expect(refusals(2, 0, 47)).toBe(7)
  expect(refusals(900, 0, 47)).toBe(7)
  expect(refusals(903, 0, 50)).toBe(3)
  // Another process.
  expect(refusals(905, 0, 3, [], 2)).toBe(0)
  expect(watch.look({ ...at(907, 0, 9)[0], service: null }, { atMs: [], landed: [] }).refusals).toBe(0)
})

it('finds refreshes that are due and not written, however seldom it looks', () => {
  const watch = new Watch()
  const stuckMs = (...told: Parameters<typeof at>) => watch.look(...at(...told)).stuckMs
  expect(stuckMs(0, 3, 1)).toBe(0)
  expect(stuckMs(8, 3, 1)).toBe(0)
  expect(stuckMs(12, 3, 1)).toBe(12_000)
  expect(stuckMs(14, 3, 1, [13])).toBe(0)
  // Due each time it looked, and written between.
  expect(stuckMs(80, 1, 1, [13, 40])).toBe(0)
  expect(stuckMs(82, 0, 1, [13, 40])).toBe(0)
  expect(stuckMs(95, 2, 1, [13, 40])).toBe(0)
})
