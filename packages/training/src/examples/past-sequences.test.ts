/** What is read of a moment gone by is what the replay made of it then. */
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { compileFeatures, type FeatureSpace, groupsByTime, type LogEvent, Replay } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { temporaryDirectory } from '@headwater/testkit'
import { fuzz } from '@headwater/testkit/fuzz'
import { expect, it } from 'vitest'
import { ExampleFeed } from './example-feed.ts'
import { PanelSampler } from './panel-sampler.ts'
import type { TrainingBatch } from './training-batch.ts'
import { allocateExamples } from './training-batch.ts'

const spaceOf = (length: number): FeatureSpace =>
  compileFeatures({
    version: 1,
    name: 'moments',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields: [
      { name: 'rating', of: 'outcome', type: 'float' },
      { name: 'action', of: 'outcome', type: 'id', buckets: 6 },
      { name: 'tags', of: 'user', type: 'ids', maxValues: 2, buckets: 11 },
    ],
    tasks: [3, 4].map((atLeast) => ({ name: `above-${atLeast}`, field: 'rating', atLeast })),
    aggregations: [{ name: 'events', of: 'user', kind: 'count' }],
    sequence: { length, value: 'rating', buckets: 13, categories: ['action'], halfLivesDays: [1, 7], center: 2 },
  })

/** Events of three users, some at one time; outcomes may be missing. */
function eventsOf(count: number, seed: number): LogEvent[] {
  const random = seededRandom(seed)
  let timeMs = 1_600_000_000_000
  return Array.from({ length: count }, (_, row) => {
    timeMs += random.nextBelow(3) === 0 ? 0 : 1 + random.nextBelow(40_000_000)
    const rating = random.nextBelow(6)
    return {
      row,
      user: `u${random.nextBelow(3)}`,
      item: `i${random.nextBelow(9)}`,
      timeMs,
      values: [rating === 5 ? null : rating, `a${random.nextBelow(4)}`, ['x', `t${random.nextBelow(5)}`]],
    }
  })
}

const feedOf = (space: FeatureSpace, path = join(temporaryDirectory(), 'examples')) =>
  new ExampleFeed(space, path, new PanelSampler(10, 1))

it('encodes every example as it was, to the bit, in any order and while events go on', () =>
  fuzz(
    (random) => ({ length: 1 + random.nextBelow(7), events: 1 + random.nextBelow(120), seed: random.nextBelow(1e6) }),
    ({ length, events: count, seed }, random) => {
      const space = spaceOf(length)
      const events = eventsOf(count, seed)
      const isExample = ({ row }: LogEvent) => row % 5 !== 2
      const examples = events.filter(isExample)
      const then = allocateExamples(space, Math.max(1, examples.length))
      const replay = new Replay(space)
      let row = 0
      for (const group of groupsByTime(events)) {
        for (const event of group) if (isExample(event)) replay.encode(event, then, row++)
        replay.ingest(group)
      }
      const feed = feedOf(space)
      const later = allocateExamples(space, Math.max(1, examples.length))
      const groups = [...groupsByTime(events)]
      for (const [i, group] of groups.entries()) {
        feed.feed(group, isExample)
        if (random.nextBelow(4) > 0 && i < groups.length - 1) continue
        feed.flush()
        const order = random.shuffle(Uint32Array.from({ length: feed.file.length }, (_, k) => k))
        feed.file.read(order, 0, order.length, later)
        for (const [place, example] of order.entries())
          expect(rowOf(later, place, later.user.rows), `example ${example}`).toEqual(
            rowOf(then, example, then.user.rows),
          )
      }
      feed.close()
    },
    { runs: 40 },
  ))

/** All of a row. */
function rowOf({ user, item, labels, labelWeights, timeMs }: TrainingBatch, row: number, rows: number) {
  const { ids, channels, lengths, categories } = user.sequence!
  const sides = [user, item].flatMap(({ dense, bags }) => [dense, ...bags.flatMap((bag) => [bag.ids, bag.lengths])])
  return [...sides, ids, channels, lengths, ...categories, labels, labelWeights, timeMs].map((array) => {
    const width = array.length / rows
    return [...array.subarray(row * width, (row + 1) * width)]
  })
}

it('reads all else without the sequences, which stay as they are', () => {
  const feed = feedOf(spaceOf(3))
  feed.feed(eventsOf(30, 8))
  feed.flush()
  const order = Uint32Array.from({ length: 30 }, (_, i) => i)
  const [whole, part] = [allocateExamples(feed.file.space, 30), allocateExamples(feed.file.space, 30)]
  feed.file.read(order, 0, 30, whole)
  feed.file.read(order, 0, 30, part, null)
  expect(part.user.sequence).toEqual(allocateExamples(feed.file.space, 30).user.sequence)
  expect({ ...part, user: { ...part.user, sequence: whole.user.sequence } }).toEqual(whole)
  feed.close()
})

it('tells of a file that was cut short', () => {
  const path = join(temporaryDirectory(), 'examples')
  const feed = feedOf(spaceOf(3), path)
  feed.feed(eventsOf(60, 8))
  feed.flush()
  const order = Uint32Array.from({ length: 60 }, (_, i) => i)
  truncateSync(`${path}.sequences`, 100)
  expect(() => feed.file.read(order, 0, 60, allocateExamples(feed.file.space, 60))).toThrow(
    /examples\.sequences ends within page/,
  )
  feed.close()
})

it('takes a file for the events, each once, and removes it', () => {
  const directory = temporaryDirectory()
  const feed = feedOf(spaceOf(4), join(directory, 'examples'))
  feed.feed(eventsOf(60, 3))
  feed.flush()
  expect(readdirSync(directory).sort()).toEqual(['examples', 'examples.sequences'])
  // Time, item, value and category.
  expect(feed.file.sequences!.eventBytes).toBe(8 + 4 + 4 + 4)
  feed.close()
  expect(readdirSync(directory)).toEqual([])
})

it('tells by the fingerprint an event that only a sequence knows of', () => {
  const fingerprintOf = (events: readonly LogEvent[]) => {
    const feed = feedOf(spaceOf(2))
    feed.feed(events, ({ row }) => row > 20)
    feed.flush()
    const { fingerprint } = feed.file
    feed.close()
    return fingerprint
  }
  const events = eventsOf(40, 5)
  const changed = events.with(3, { ...events[3], values: events[3].values.with(1, 'another') })
  expect(fingerprintOf(events)).toBe(fingerprintOf([...events]))
  expect(fingerprintOf(changed)).not.toBe(fingerprintOf(events))
})
