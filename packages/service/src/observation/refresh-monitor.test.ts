import { expect, it } from 'vitest'
import { Figures } from '../figures/figures.ts'
import { RefreshMonitor } from './refresh-monitor.ts'

it('keeps the freshness of refreshes that were missed before apart, which alerts pass over', () => {
  const monitor = new RefreshMonitor()
  const figures = new Figures()
  monitor.register(figures)
  const { written } = monitor.observer('t')
  const text = () => figures.text().split('\n')
  expect(text()).toContain('headwater_refresh_missed_freshness_seconds_count 0')
  written?.(3_000, false)
  written?.(7_200_000, true)
  monitor.observer('other').written?.(36_000, true)
  const lines = text()
  expect(lines).toContain('headwater_refresh_freshness_seconds_count 1')
  expect(lines).toContain('headwater_refresh_freshness_seconds_sum 3')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_count 2')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_sum 7236')
  expect(lines).toContain('headwater_refresh_missed_freshness_seconds_bucket{le="3600"} 1')
  const { counts, sum } = monitor.freshnessOf('t')!
  expect([counts.reduce((all, count) => all + count), sum]).toEqual([1, 3])
})
