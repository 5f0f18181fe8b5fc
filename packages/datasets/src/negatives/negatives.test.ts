import { compileFeatures, type LogEvent, parseSchema, Replay, type Schema } from '@headwater/features'
import { expect, test } from 'vitest'
import { openLog } from '../index.ts'
import { RandomStream } from '../synthetic/random-stream.ts'
import { eventsOf, Folder, failure } from '../testing/sample-log.ts'

const plays: Schema = {
  version: 1,
  name: 'plays',
  user: 'who',
  item: 'what',
  time: { column: 'at', unit: 's' },
  fields: [
    { name: 'label', of: 'item', type: 'id' },
    { name: 'plan', of: 'user', type: 'id' },
    { name: 'device', of: 'context', type: 'id' },
    { name: 'seconds', of: 'outcome', type: 'float' },
    { name: 'taken', of: 'outcome', type: 'float' },
  ],
  tasks: [
    { name: 'play', field: 'taken', atLeast: 1 },
    { name: 'long', field: 'seconds', atLeast: 60 },
  ],
  aggregations: [{ name: 'user-count', of: 'user', kind: 'count' }],
  sequence: { length: 4, value: 'taken', buckets: 64 },
  negatives: { outcome: 'taken', items: 6, windowDays: 2, seed: 3 },
}

const daySeconds = 86_400

interface Play {
  readonly who: string
  readonly what: string
  readonly at: number
  readonly label: string
  readonly seconds: number
}

/** Plays every few hours, some at one time, popular ones more often; an item's label changes on the fourth day. */
function someplays(count: number, seed: number): Play[] {
  const random = new RandomStream(seed, 'visits', 0)
  const made: Play[] = []
  for (let at = 0; made.length < count; at += 1800 * random.integer(0, 5)) {
    const item = Math.floor(20 * random.uniform() ** 2)
    made.push({
      who: `u${random.integer(0, 6)}`,
      what: `i${item}`,
      at,
      label: `${item % 5}${at > 4 * daySeconds ? 'b' : 'a'}`,
      seconds: random.integer(0, 120),
    })
  }
  return made
}

function csv(rows: readonly Play[], taken: ((row: Play) => number) | null = null): string {
  const head = `who,what,at,label,plan,device,seconds${taken ? ',taken' : ''}`
  const lines = rows.map((own) => {
    const { who, what, at, label, seconds } = own
    return [who, what, at, label, `p-${who}`, `d${at}`, seconds, ...(taken ? [taken(own)] : [])].join(',')
  })
  return [head, ...lines, ''].join('\n')
}

/** What was taken in the two days before a time, by brute force. */
const liveAt = (all: readonly Play[], at: number) =>
  all.filter((own) => own.at < at && own.at >= at - 2 * daySeconds).map(({ what }) => what)

test('each draw is of an item that was live, and its rate and the number of choices are those of brute force', async () => {
  const rows = someplays(400, 1)
  const log = await openLog({ data: new Folder().write('plays.csv', csv(rows)), schema: plays })
  const events = await eventsOf(log)
  expect(log.rows).toBe(events.length)
  expect(events.map(({ row }) => row)).toEqual([...events.keys()])
  const real = events.filter(({ draw }) => draw!.taken)
  expect(real.map(({ user, item, timeMs }) => [user, item, timeMs / 1000])).toEqual(
    rows.map(({ who, what, at }) => [who, what, at]),
  )
  let [unknown, drawn, left] = [0, 0, 0]
  for (const [n, own] of real.entries()) {
    const at = own.timeMs / 1000
    const live = liveAt(rows, at)
    const rateOf = (item: string) => (6 * live.filter((other) => other === item).length) / live.length || 0
    const basket = new Set(rows.filter((row) => row.who === own.user && row.at === at).map(({ what }) => what))
    const choices = new Set([...live.filter((item) => !basket.has(item)), own.item]).size
    const beside = events.slice(own.row + 1, real[n + 1]?.row)
    for (const { draw, item } of [own, ...beside]) {
      expect(draw!.expected).toBeCloseTo(rateOf(item), 12)
      expect(draw!.live).toBe(choices)
    }
    const isLive = live.includes(own.item)
    if (!isLive) unknown++
    expect(own.values).toEqual([rows[n].label, `p-${own.user}`, `d${at}`, rows[n].seconds, isLive ? 1 : null])
    for (const { user, item, timeMs, values } of beside) {
      expect({ user, timeMs, isLive: live.includes(item) }).toEqual({
        user: own.user,
        timeMs: own.timeMs,
        isLive: true,
      })
      expect(basket.has(item)).toBe(false)
      const last = rows.findLast((row) => row.what === item && row.at < at)!
      expect(values).toEqual([last.label, `p-${own.user}`, `d${at}`, null, 0])
    }
    expect(beside.length).toBeLessThanOrEqual(isLive ? 6 : 0)
    drawn += beside.length
    if (isLive) left += 6 - beside.length
  }
  expect(log.warnings.join()).toContain(`${unknown} of 400 rows`)
  // A draw of what was taken is left out: about as often as its rate says.
  const expected = real.reduce((sum, { draw }) => sum + draw!.expected, 0)
  expect(Math.abs(left - expected)).toBeLessThan(4 * Math.sqrt(expected))
  expect(drawn + left).toBe(6 * (400 - unknown))

  // Wherever reading begins, the same rows; another seed, others.
  const from = real[200].timeMs
  expect(await eventsOf(log, { from })).toEqual(events.filter(({ timeMs }) => timeMs >= from))
  expect(await eventsOf(log, { to: from })).toEqual(events.filter(({ timeMs }) => timeMs < from))
  await log.close()
  const schema = { ...plays, negatives: { ...plays.negatives!, seed: 4 } }
  const other = await openLog({ data: new Folder().write('plays.csv', csv(rows)), schema })
  expect((await eventsOf(other)).map(({ item }) => item)).not.toEqual(events.map(({ item }) => item))
  await other.close()
  const alone = await openLog({ data: new Folder().write('plays.csv', csv(rows)), schema: plays, eventsOnly: true })
  expect((await eventsOf(alone)).map(({ values }) => values[4])).toEqual(rows.map(() => 1))
  await alone.close()
})

test('items are drawn as often as their share of the window says', async () => {
  const rows = someplays(1200, 2)
  const schema = { ...plays, negatives: { outcome: 'taken', items: 3, windowDays: 1000 } }
  const log = await openLog({ data: new Folder().write('plays.csv', csv(rows)), schema })
  const events = await eventsOf(log)
  await log.close()
  const real = events.filter(({ draw }) => draw!.taken && draw!.expected > 0)
  for (const item of ['i0', 'i3', 'i12']) {
    let [sum, variance] = [0, 0]
    for (const { user, timeMs } of real) {
      const at = timeMs / 1000
      if (rows.some((row) => row.who === user && row.what === item && row.at === at)) continue
      const live = rows.filter((row) => row.at < at)
      const share = live.filter(({ what }) => what === item).length / live.length
      sum += 3 * share
      variance += 3 * share * (1 - share)
    }
    const drawn = events.filter((event) => !event.draw!.taken && event.item === item).length
    expect(Math.abs(drawn - sum), item).toBeLessThan(4 * Math.sqrt(variance))
  }
})

test('states know what was taken alone, and a drawn row changes none', () => {
  const space = compileFeatures(plays)
  const event: LogEvent = { row: 0, user: 'u', item: 'i', timeMs: 5, values: ['a', 'p', 'd', 3, null] }
  const replay = new Replay(space)
  replay.ingest([{ ...event, draw: { taken: false, expected: 1, live: 2 } }])
  expect([replay.userState('u'), replay.itemState('i')]).toEqual([space.newUserState(), space.newItemState()])
  const [user, item] = [space.newUserState(), space.newItemState()]
  space.update(user, item, event)
  const [other, same] = [space.newUserState(), space.newItemState()]
  space.update(other, same, { ...event, values: ['a', 'p', 'd', 3, 1] })
  expect([user, item]).toEqual([other, same])
  const wrong = { ...event, values: ['a', 'p', 'd', 3, 0] }
  expect(() => space.update(user, item, wrong)).toThrow(expect.objectContaining({ name: 'EventError', field: 'taken' }))
  const unknown = { ...event, draw: { taken: true, expected: 0, live: 1 } }
  expect(space.rankedLabel(unknown)).toBe(null)
  const [labels, weights] = [new Uint8Array(2), new Float32Array(2)]
  space.labels(unknown, labels, weights)
  expect([...weights]).toEqual([0, 1])
})

test('an outcome beside negatives, and a log of which nothing could be drawn, are refused with their place', async () => {
  const rows = someplays(50, 3)
  const folder = new Folder()
  const withOutcome = folder.write(
    'outcome.csv',
    csv(rows, ({ at }) => (at === rows[7].at ? 0 : 1)),
  )
  const refused = await failure(openLog({ data: withOutcome, schema: plays }))
  expect(refused).toMatchObject({ file: withOutcome, field: 'taken' })
  expect(refused.message).toContain('is 0.0, so that the log has an outcome: drop "negatives"')
  const said = await openLog({
    data: folder.write(
      'ones.csv',
      csv(rows, () => 1),
    ),
    schema: plays,
  })
  expect(said.skippedRows).toBe(0)
  await said.close()
  const oneTime = folder.write('one-time.csv', csv(rows.map((own) => ({ ...own, at: 7 }))))
  const empty = await failure(openLog({ data: oneTime, schema: plays }))
  expect(empty).toMatchObject({ file: oneTime, field: 'what' })
  expect(empty.message).toContain('50 of 50 rows')
})

test.each([
  ['items 0', { negatives: { outcome: 'taken', items: 0 } }, 'negatives.items'],
  ['items 65', { negatives: { outcome: 'taken', items: 65 } }, 'negatives.items'],
  ['no such field', { negatives: { outcome: 'label', items: 2 } }, 'negatives.outcome'],
  ['a window of none', { negatives: { outcome: 'taken', items: 2, windowDays: 0 } }, 'negatives.windowDays'],
  ['another first task', { tasks: [plays.tasks[1], plays.tasks[0]] }, 'tasks[0].field'],
  [
    'a statistic of it',
    { aggregations: [{ name: 'm', of: 'item', kind: 'mean', value: 'taken' }] },
    'aggregations[0].value',
  ],
  [
    'a column of the log',
    { fields: plays.fields.map((own) => (own.name === 'taken' ? { ...own, column: 'click' } : own)) },
    'negatives.outcome',
  ],
])('a schema with %s is refused', (_, changes, path) => {
  expect(() => parseSchema({ ...plays, ...changes }, 'test')).toThrow(
    expect.objectContaining({ name: 'SchemaError', path }),
  )
})
