import { BatchError, BatchNumberError, type SideLayout } from '@headwater/features'
import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import type { Tensor } from '../plan/tensor.ts'
import { randomBatch } from '../testing/random-batch.ts'
import { InputBatch } from './input-batch.ts'

const layout: SideLayout = {
  dense: ['a', 'b', 'c', 'd', 'e'],
  bags: [{ name: 'tags', buckets: 9, maxValues: 3 }],
  sequence: { length: 4, buckets: 11, channels: 3, weights: 0, categories: [{ name: 'kind', buckets: 5 }] },
}

/** An upload without a device: what was written to each tensor, from its start. */
class Written {
  readonly data = new Map<Tensor, (Float32Array | Uint32Array)[]>()
  readonly write = (tensor: Tensor, data: Float32Array | Uint32Array) => {
    expect(data.byteLength).toBeLessThanOrEqual(tensor.storage.sizeBytes)
    this.data.set(tensor, [...(this.data.get(tensor) ?? []), data])
  }

  /** What a tensor holds after all writes. */
  of(tensor: Tensor): number[] {
    const held: number[] = new Array(tensor.storage.sizeBytes / 4).fill(0)
    for (const data of this.data.get(tensor) ?? []) held.splice(0, data.length, ...data)
    return held
  }
}

const batchOf = (rows: number, training: boolean, recent = 2) =>
  new InputBatch(null, { layout, bags: 'attention', recent }, rows, training)

it('has each event at its place among the recent ones, and each recent one at its event', () => {
  const inputs = batchOf(6, false)
  const written = new Written()
  const batch = randomBatch(layout, 5, seededRandom(1))
  batch.sequence!.lengths.set([0, 1, 2, 3, 4])
  inputs.upload(batch, written.write)
  const none = { event: 6 * 4, token: 6 * 2 }
  const { events, tokens } = inputs.sequence!.recent!
  expect(written.of(events).slice(0, 12)).toEqual([
    ...[none.event, none.event],
    ...[4, none.event],
    ...[9, 8],
    ...[14, 13],
    ...[19, 18],
    // of a row that no batch has filled
    ...[none.event, none.event],
  ])
  const [no, o] = [none.token, none.token]
  expect(written.of(tokens).slice(0, 24)).toEqual([
    ...[no, no, no, o],
    ...[2, no, no, o],
    ...[5, 4, no, o],
    ...[no, 7, 6, o],
    ...[no, no, 9, 8],
    ...[no, no, no, o],
  ])
})

it('pads rows of dense values, and leaves channels without gaps', () => {
  const inputs = batchOf(4, false)
  const written = new Written()
  const batch = randomBatch(layout, 3, seededRandom(2))
  inputs.upload(batch, written.write)
  const { dense } = batch
  const row = (r: number) => [...dense.subarray(r * 5, r * 5 + 5), 0, 0, 0]
  expect(written.of(inputs.dense!).slice(0, 24)).toEqual([0, 1, 2].flatMap(row))
  expect(written.of(inputs.sequence!.channels!).slice(0, 36)).toEqual([...batch.sequence!.channels])
})

it('writes zeros where a row has no event, whatever the batch has there, and leaves the batch as it is', () => {
  const batch = randomBatch(layout, 5, seededRandom(4))
  const { channels, lengths } = batch.sequence!
  const wanted = [...channels]
  for (const [i, garbage] of [Number.NaN, Number.NEGATIVE_INFINITY, 3].entries())
    for (let r = 0; r < 5; r++) if (lengths[r] < 4) channels[(r * 4 + lengths[r]) * 3 + i] = garbage
  const given = [...channels]
  const inputs = batchOf(5, false)
  const written = new Written()
  inputs.upload(batch, written.write)
  expect(written.of(inputs.sequence!.channels!).slice(0, 60)).toEqual(wanted)
  expect([...channels]).toEqual(given)
})

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d before it writes', (value) => {
  const random = seededRandom(5)
  const expectRefusal = (batch: ReturnType<typeof randomBatch>, row: number, feature: string) => {
    const written = new Written()
    const upload = () => batchOf(5, false).upload(batch, written.write, 100)
    expect(upload).toThrow(BatchNumberError)
    expect(upload).toThrow(expect.objectContaining({ row, feature }))
    expect(upload).toThrow(`row ${row}, ${feature}: is ${value}; give a finite number`)
    expect(written.data.size).toBe(0)
  }
  const dense = randomBatch(layout, 5, random)
  dense.dense[2 * 5 + 3] = value
  expectRefusal(dense, 102, 'd')
  const events = randomBatch(layout, 5, random)
  events.sequence!.lengths[1] = 3
  events.sequence!.channels[(4 + 2) * 3 + 1] = value
  expectRefusal(events, 101, 'event 2 of the sequence, channel 1')
})

it('keeps older rows behind those of a smaller batch, and groups only those that are there', () => {
  const inputs = batchOf(7, true)
  const written = new Written()
  const random = seededRandom(3)
  const [first, second] = [randomBatch(layout, 7, random), randomBatch(layout, 4, random)]
  inputs.upload(first, written.write)
  inputs.upload(second, written.write)
  const [{ ids, lengths }] = inputs.bags
  expect(written.of(ids).slice(0, 21)).toEqual([...second.bags[0].ids, ...first.bags[0].ids.subarray(12)])
  expect(written.of(lengths).slice(0, 7)).toEqual([...second.bags[0].lengths, ...first.bags[0].lengths.subarray(4)])
  // of each id, how often the second batch has it
  const counts = new Map<number, number>()
  for (let r = 0; r < 4; r++)
    for (let m = 0; m < second.bags[0].lengths[r]; m++) {
      const id = second.bags[0].ids[r * 3 + m]
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  const groups = written.of(inputs.bagGroups[0].groups)
  const got = new Map<number, number>()
  for (let j = 0; j < groups.length; j += 4) if (groups[j + 1] > 0) got.set(groups[j], groups[j + 1])
  expect([...got].sort()).toEqual([...counts].sort())
})

it('makes no new memory in a steady upload', () => {
  const inputs = batchOf(5, true)
  const random = seededRandom(4)
  const memory = () => {
    const written = new Written()
    const batch = randomBatch(layout, 5, random)
    inputs.upload(batch, written.write)
    const { dense, bags, sequence } = batch
    const given = [dense, ...bags.flatMap(({ ids, lengths }) => [ids, lengths])]
    given.push(sequence!.ids, sequence!.channels, sequence!.lengths, ...sequence!.categories)
    const own = new Set(given.map(({ buffer }) => buffer))
    return new Set([...written.data.values()].flat().flatMap(({ buffer }) => (own.has(buffer) ? [] : [buffer])))
  }
  const before = memory()
  const after = memory()
  expect([...after].filter((buffer) => !before.has(buffer))).toEqual([])
})

it('refuses more rows than it has room for', () => {
  const inputs = batchOf(3, false)
  expect(() => inputs.upload(randomBatch(layout, 4, seededRandom(1)), () => {})).toThrow(/4 rows .* at most 3/)
})

it.each([
  ['fewer dense values', { dense: new Float32Array(9) }],
  ['no bag', { bags: [] }],
  ['a bag of fewer values', { bags: [{ ids: new Uint32Array(4), lengths: new Uint32Array(2) }] }],
  ['a bag too many', { bags: new Array(2).fill({ ids: new Uint32Array(6), lengths: new Uint32Array(2) }) }],
  ['no sequence', { sequence: null }],
  [
    'no category of events',
    {
      sequence: {
        ids: new Uint32Array(8),
        lengths: new Uint32Array(2),
        channels: new Float32Array(24),
        categories: [],
      },
    },
  ],
])('refuses a batch with %s, which would leave those of an older one, and writes nothing', (_, change) => {
  const inputs = batchOf(3, false)
  const written = new Written()
  const batch = randomBatch(layout, 2, seededRandom(1))
  inputs.upload(batch, () => {})
  expect(() => inputs.upload({ ...batch, ...change }, written.write)).toThrow(BatchError)
  expect(written.data.size).toBe(0)
})
