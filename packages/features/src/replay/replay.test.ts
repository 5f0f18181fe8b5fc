import { describe, expect, it } from 'vitest'
import type { SideBatch } from '../batch/batch.ts'
import type { LogEvent } from '../events/event.ts'
import { parseSchema } from '../schema/parse-schema.ts'
import { compileFeatures } from '../space/feature-space.ts'
import { fullSchema, randomLog } from '../testing/random-log.ts'
import { groupsByTime, Replay, type ReplayBatch, ReplayMemoryError } from './replay.ts'

/** All bytes of some rows of a side's batch. */
function rowBytes({ rows, dense, bags, sequence }: SideBatch, row: number): string {
  const arrays = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
  if (sequence !== null) arrays.push(sequence.ids, sequence.channels, sequence.lengths, ...sequence.categories)
  return arrays
    .map((array) => {
      const bytes = array.byteLength / rows
      return Buffer.from(array.buffer, array.byteOffset + row * bytes, bytes).toString('hex')
    })
    .join(' ')
}

function replay(log: readonly LogEvent[]): ReplayBatch {
  const space = compileFeatures(fullSchema())
  const batch = {
    user: space.allocate('user', log.length),
    item: space.allocate('item', log.length),
    labels: new Uint8Array(3 * log.length),
    labelWeights: new Float32Array(3 * log.length),
    timeMs: new Float64Array(log.length),
  }
  const states = new Replay(space)
  let row = 0
  for (const group of groupsByTime(log)) {
    for (const event of group) states.encode(event, batch, row++)
    states.ingest(group)
  }
  return batch
}

describe('groupsByTime', () => {
  it('splits runs of equal time and keeps the order', () => {
    const times = [5, 5, 6, 7, 7, 7, 6, 7]
    const log = randomLog(1, times.length).map((event, i) => ({ ...event, timeMs: times[i] }))
    const groups = [...groupsByTime(log)]
    expect(groups.map((group) => group.map(({ row }) => row))).toEqual([[0, 1], [2], [3, 4, 5], [6], [7]])
    expect([...groupsByTime([])]).toEqual([])
  })
})

describe('Replay', () => {
  it.each([1, 2, 3])('equals serving from stored bytes bit for bit, seed %i', (seed) => {
    const log = randomLog(seed, 400, true)
    const replayed = replay(log)

    // A service: its own process's space from the schema's JSON, and states that lie at odd offsets between calls.
    const space = compileFeatures(parseSchema(JSON.parse(JSON.stringify(fullSchema())), 'snapshot'))
    const store = new Map<string, Uint8Array>()
    const read = (key: string, empty: Uint8Array, offset: number) => {
      const bytes = store.get(key) ?? empty
      const page = new Uint8Array(bytes.length + 16).fill(0xab)
      page.set(bytes, offset)
      return page.subarray(offset, offset + bytes.length)
    }
    const user = space.allocate('user', 1)
    const item = space.allocate('item', 1)
    let row = 0
    for (const group of groupsByTime(log)) {
      for (const event of group) {
        space.encodeUser(user, 0, read(`u/${event.user}`, space.newUserState(), row % 9), event.timeMs)
        space.encodeItem(item, 0, read(`i/${event.item}`, space.newItemState(), row % 7), event)
        expect(rowBytes(user, 0), `seed ${seed}, row ${row}`).toBe(rowBytes(replayed.user, row))
        expect(rowBytes(item, 0), `seed ${seed}, row ${row}`).toBe(rowBytes(replayed.item, row))
        const [labels, weights] = [new Uint8Array(3), new Float32Array(3)]
        space.labels(event, labels, weights)
        expect(replayed.labels.slice(3 * row, 3 * row + 3)).toEqual(labels)
        expect(replayed.labelWeights.slice(3 * row, 3 * row + 3)).toEqual(weights)
        expect(replayed.timeMs[row]).toBe(event.timeMs)
        row++
      }
      for (const event of group) {
        const userState = read(`u/${event.user}`, space.newUserState(), 1 + (event.row % 8))
        const itemState = read(`i/${event.item}`, space.newItemState(), 1 + (event.row % 5))
        space.update(userState, itemState, event)
        store.set(`u/${event.user}`, Uint8Array.from(userState))
        store.set(`i/${event.item}`, Uint8Array.from(itemState))
      }
    }
  })

  it.each([1, 2, 3])('lets no row see its own outcome, its ties or later rows, seed %i', (seed) => {
    const log = randomLog(seed, 120)
    const truth = replay(log)
    let changedLater = 0
    for (let cut = 0; cut < log.length; cut += 7) {
      // From the cut's time on outcomes differ, and later rows are altogether other events.
      const other = log.map((event) => {
        if (event.timeMs < log[cut].timeMs) return event
        const outcomes = { ...event, values: [11, null, ...event.values.slice(2, 9), 'other', 9, 8] }
        return event.timeMs === log[cut].timeMs ? outcomes : { ...outcomes, user: 'u1', item: 'i1' }
      })
      const batch = replay(other)
      for (let row = 0; row < log.length; row++) {
        const same =
          rowBytes(batch.user, row) + rowBytes(batch.item, row) ===
          rowBytes(truth.user, row) + rowBytes(truth.item, row)
        if (log[row].timeMs <= log[cut].timeMs) expect(same, `seed ${seed}, cut ${cut}, row ${row}`).toBe(true)
        else if (!same) changedLater++
      }
    }
    expect(changedLater).toBeGreaterThan(0)
  })

  it('gives the state of an unknown user or item without making one', () => {
    const space = compileFeatures(fullSchema())
    const states = new Replay(space, 0)
    expect(states.userState('nobody')).toEqual(space.newUserState())
    expect(states.itemState('nothing')).toEqual(space.newItemState())
    expect(() => states.ingest(randomLog(1, 1))).toThrow(ReplayMemoryError)
  })

  it('holds as many states as its limit allows', () => {
    const space = compileFeatures(fullSchema())
    const [first] = randomLog(1, 1)
    const states = new Replay(space, space.userStateBytes + 2 * space.itemStateBytes)
    states.ingest([first, { ...first, item: 'second' }])
    states.ingest([first])
    expect(space.userHistory(states.userState(first.user)).eventCount).toBe(3)
    expect(() => states.ingest([{ ...first, item: 'third' }])).toThrow(ReplayMemoryError)
  })
})
