import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { RefreshMonitor } from './refresh-monitor.ts'

it('keeps the freshness of refreshes that were missed before apart, which alerts pass over', async () => {
  const monitor = new RefreshMonitor()
  const registry = new Registry()
  monitor.register(registry)
  const { landed } = monitor.observer('t')
  const text = async () => (await registry.metrics()).split('\n')
  expect(await text()).toContain('headwater_refresh_missed_freshness_seconds_count 0')
  landed?.(3_000, false)
  landed?.(7_200_000, true)
  monitor.observer('other').landed?.(36_000, true)
  const lines = await text()
  expect(lines).toContain('headwater_refresh_freshness_seconds_count 1')
  expect(lines).toContain('headwater_refresh_freshness_seconds_sum 3')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_count 2')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_sum 7236')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_bucket{le="3600"} 1')
  const { counts, sum } = monitor.freshnessOf('t')!
  expect([counts.reduce((all, count) => all + count), sum]).toEqual([1, 3])
})
