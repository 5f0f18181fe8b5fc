/** Events that nothing is trained on still reach the features of those behind them. */
import { join } from 'node:path'
import { compileFeatures, type LogEvent } from '@headwater/features'
import { temporaryDirectory } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { ExampleFeed } from './example-feed.ts'
import { PanelSampler } from './panel-sampler.ts'
import { allocateExamples } from './training-batch.ts'

const space = compileFeatures({
  version: 1,
  name: 'feed',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [{ name: 'rating', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'liked', field: 'rating', atLeast: 4 }],
  aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
})
const events = Array.from(
  { length: 40 },
  (_, row): LogEvent => ({ row, user: `u${row % 3}`, item: `i${row % 7}`, timeMs: 1000 + row, values: [row % 6] }),
)

it('makes examples of the events asked for alone, with all events in their features', () => {
  const feed = new ExampleFeed(space, join(temporaryDirectory(), 'examples'), new PanelSampler(10, 1))
  const isExample = ({ row }: LogEvent) => row % 4 === 1
  feed.feed(events, isExample)
  feed.flush()
  const taken = events.filter(isExample)
  expect(feed.file.length).toBe(taken.length)
  expect(feed.newestMs).toBe(events[39].timeMs)
  const order = Uint32Array.from(taken.keys())
  const batch = feed.file.read(order, 0, taken.length, allocateExamples(space, taken.length))
  const column = space.user.dense.indexOf('events')
  for (const [i, { row, timeMs, values }] of taken.entries()) {
    expect(batch.timeMs[i]).toBe(timeMs)
    expect(batch.labels[i]).toBe((values[0] as number) >= 4 ? 1 : 0)
    // One event in three before it is the same user's.
    expect(batch.user.dense[i * space.user.dense.length + column]).toBeCloseTo(Math.log1p(Math.floor(row / 3)), 6)
  }
  feed.close()
})
