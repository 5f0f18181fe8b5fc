import { floatToHalf, halfToFloat } from '@headwater/binary16'
import { describe, expect, it } from 'vitest'
import { ringContents } from '../../testing/ring-contents.ts'
import {
  DimensionError,
  NonFiniteVectorError,
  StoreCorruptError,
  StoreError,
  StoreFormatError,
} from '../validation/errors.ts'
import type { AppendPolicy } from './append-policy.ts'
import { addressSeed, allocateRecord, sealRecord } from './record.ts'
import { type AppendRefusal, appendToRing, checkedTags, checkRing } from './ring.ts'

const bySnapshot: AppendPolicy = { slots: 3, count: 3, slot: 'snapshot' }
const byRefresh: AppendPolicy = { slots: 3, count: 3, slot: 'refresh' }

const seed = addressSeed('t', 'u', 'm')

type Put = readonly [snapshot: number, featureTimeMs: number, value: number, frame?: number]

function put(record: Uint8Array | undefined, [snapshot, featureTimeMs, value, frame = 0]: Put, policy = bySnapshot) {
  const tag = { snapshot, frame, featureTimeMs, writtenMs: featureTimeMs + 5 }
  return appendToRing(record, seed, tag, Float32Array.of(value, -value, 2), 0, 3, policy)
}

/** For what is written. */
function written(result: Uint8Array | AppendRefusal): Uint8Array {
  if (typeof result === 'string') throw new Error(`the ring took it for ${result}`)
  return result
}

function ringOf(puts: readonly Put[], policy = bySnapshot): Uint8Array {
  let record: Uint8Array | undefined
  for (const each of puts) {
    const next = put(record, each, policy)
    if (typeof next !== 'string') record = next
  }
  return record!
}

const order = (record: Uint8Array) => ringContents(record).slots.map((slot) => [slot.snapshot, slot.featureTimeMs])

describe('ring', () => {
  it('holds one slot a snapshot, renewed by later feature times only', () => {
    const first = ringOf([[1, 100, 1]])
    const record = written(put(first, [1, 200, 2]))
    expect(order(record)).toEqual([[1, 200]])
    expect(put(record, [1, 200, 9])).toBe('duplicate')
    expect(put(record, [1, 150, 9])).toBe('older')
    expect(ringContents(record).version).toBe((ringContents(first).version % 0xffffffff) + 1)
  })

  it('keeps order whatever comes late, and lets the oldest snapshot go', () => {
    const record = ringOf([
      [5, 300, 5],
      [3, 100, 3],
      [4, 200, 4],
      [6, 400, 6],
    ])
    expect(order(record)).toEqual([
      [6, 400],
      [5, 300],
      [4, 200],
    ])
    expect(put(record, [3, 150, 1])).toBe('older')
    expect(ringContents(record).pooled[0]).toBe(5)
  })

  it('lets go of what a snapshot gave that was taken back, at the next refresh, in whatever order they land', () => {
    const before: Put[] = [
      [4, 100, 4],
      [5, 200, 5],
    ]
    const takenBack: Put = [6, 300, 600, 9]
    const refreshed: Put = [5, 400, 7]
    const rings = [
      ringOf([...before, takenBack, refreshed]),
      ringOf([...before, refreshed, takenBack]),
      ringOf([takenBack, refreshed, ...before]),
    ]
    for (const record of rings) {
      expect(order(record)).toEqual([
        [5, 400],
        [4, 100],
      ])
      expect(ringContents(record).pooled[0]).toBe(5.5)
    }
    // What comes after it is the newest again, and a refresh that was under way when it came is no rollback.
    const next = ringOf([...before, takenBack, refreshed, [7, 500, 8], [5, 450, 1]])
    expect(order(next).map(([snapshot]) => snapshot)).toEqual([7, 5, 4])
  })

  it('holds one slot a refresh where the policy says so', () => {
    const record = ringOf(
      [
        [1, 100, 1],
        [1, 300, 3],
        [1, 200, 2],
        [1, 400, 4],
      ],
      byRefresh,
    )
    expect(order(record)).toEqual([
      [1, 400],
      [1, 300],
      [1, 200],
    ])
    expect(put(record, [1, 300, 9], byRefresh)).toBe('duplicate')
    expect(put(record, [1, 100, 9], byRefresh)).toBe('older')
    expect(ringContents(record).pooled[0]).toBe(3)
  })

  it('pools only the frame of the newest slot', () => {
    const record = ringOf([
      [1, 100, 1, 7],
      [2, 200, 10, 8],
      [3, 300, 20, 8],
    ])
    expect([...ringContents(record).pooled]).toEqual([15, -15, 2])
    expect(ringContents(record).pooledSlots).toBe(2)
    const next = written(put(record, [4, 400, 100, 9]))
    expect([...ringContents(next).pooled]).toEqual([100, -100, 2])
  })

  it('pools only `count` slots', () => {
    const record = ringOf(
      [
        [1, 1, 1],
        [2, 2, 2],
        [3, 3, 5],
      ],
      { slots: 3, count: 2, slot: 'snapshot' },
    )
    expect(ringContents(record).pooled[0]).toBe(3.5)
  })

  it.each(['snapshot', 'refresh'] as const)('equals a list kept by the rule in words, one slot a %s', (slot) => {
    let drawn = 5
    const next = (n: number) => {
      drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((drawn / 2 ** 32) * n)
    }
    for (let round = 0; round < 300; round++) {
      const slots = 1 + next(4)
      const count = 1 + next(slots)
      const weights = Array.from({ length: count }, () => 1 + next(1_000))
      const limits = { slots, count, slot, maxLagMs: round % 3 === 0 ? Infinity : next(6) }
      const policy = round % 2 === 0 ? limits : { ...limits, weights }
      let held: { snapshot: number; time: number; frame: number; value: number }[] = []
      let record: Uint8Array | undefined
      for (let step = 0; step < 25; step++) {
        const item = { snapshot: next(5), time: next(6), frame: 0, value: step + next(100) / 7 }
        item.frame = item.snapshot >> 1
        const twin = held.find((each) => each.snapshot === item.snapshot && each.time === item.time)
        const rival = slot === 'snapshot' ? held.find((each) => each.snapshot === item.snapshot) : undefined
        const before = held
        const isTakenBack = held.some((each) => each.snapshot < item.snapshot && each.time > item.time)
        if (twin === undefined && !isTakenBack && !(rival !== undefined && rival.time > item.time)) {
          const stays = (each: (typeof held)[number]) =>
            each !== rival && !(each.snapshot > item.snapshot && each.time < item.time)
          held = [...held.filter(stays), item]
            .sort((a, b) => b.snapshot - a.snapshot || b.time - a.time)
            .slice(0, slots)
        }
        const changed = held !== before && held.includes(item)
        if (!changed) held = before
        const result = put(record, [item.snapshot, item.time, item.value, item.frame], policy)
        if (typeof result !== 'string') record = result
        const outcome = typeof result === 'string' ? result : 'written'
        expect(outcome).toBe(changed ? 'written' : twin !== undefined ? 'duplicate' : 'older')
        const decoded = ringContents(record!)
        expect(decoded.slots.map((each) => [each.snapshot, each.featureTimeMs, each.frame, each.vector[0]])).toEqual(
          held.map((each) => [each.snapshot, each.time, each.frame, halfToFloat(floatToHalf(each.value))]),
        )
        const pooled = held
          .filter((each) => each.frame === held[0].frame && held[0].time - each.time <= policy.maxLagMs)
          .slice(0, policy.count)
        let [sum, total] = [0, 0]
        for (const [s, each] of pooled.entries()) {
          const weight = round % 2 === 0 ? 1 : weights[s]
          sum += weight * halfToFloat(floatToHalf(each.value))
          total += weight
        }
        expect(decoded.pooledSlots).toBe(pooled.length)
        expect(Math.abs(decoded.pooled[0] - sum / total)).toBeLessThanOrEqual(Math.abs(sum / total) * 2 ** -10)
      }
    }
  })

  it('refuses what fp16 cannot hold, another dim, flipped bits and another format', () => {
    for (const bad of [Number.NaN, Infinity, 70_000]) {
      expect(() => put(undefined, [1, 1, bad])).toThrow(NonFiniteVectorError)
    }
    const record = ringOf([[1, 1, 1]])
    const tag = { snapshot: 2, frame: 0, featureTimeMs: 2, writtenMs: 2 }
    expect(() => appendToRing(record, seed, tag, new Float32Array(4), 0, 4, bySnapshot)).toThrow(DimensionError)
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice()
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => checkedTags(flipped, seed)).toThrow(bit > 0 && bit < 8 ? StoreFormatError : StoreCorruptError)
    }
    for (let length = 0; length < record.length; length++) {
      expect(() => checkedTags(record.slice(0, length), seed)).toThrow(StoreCorruptError)
    }
  })

  it("refuses a sound record that lies under another's address", () => {
    const record = ringOf([[1, 1, 1]])
    for (const [tenant, user, model] of [
      ['t', 'u', 'n'],
      ['t', 'v', 'm'],
      ['s', 'u', 'm'],
      ['t', 'um', ''],
      ['tu', 'm', ''],
    ]) {
      expect(() => checkedTags(record, addressSeed(tenant, user, model))).toThrow(StoreCorruptError)
      const next = { snapshot: 2, frame: 0, featureTimeMs: 2, writtenMs: 2 }
      const vector = Float32Array.of(1, 2, 3)
      const append = () => appendToRing(record, addressSeed(tenant, user, model), next, vector, 0, 3, bySnapshot)
      expect(append).toThrow(/another key's/)
    }
  })

  it('takes the bytes that it promises: N = 3, D = 192', () => {
    const sizeOf = (codec: 'fp16' | 'int8') => {
      let record: Uint8Array | undefined
      for (let snapshot = 0; snapshot < 3; snapshot++) {
        const tag = { snapshot, frame: 0, featureTimeMs: 1, writtenMs: 1 }
        record = written(appendToRing(record, seed, tag, new Float32Array(192), 0, 192, { ...bySnapshot, codec }))
      }
      return record!.length
    }
    expect(sizeOf('fp16')).toBe(1_632)
    expect(sizeOf('fp16')).toBeLessThanOrEqual(1.15 * 1_536)
    expect(sizeOf('int8')).toBe(1_068)
  })

  it('averages int8 slots from their bytes, and codes the held ones anew where the policy changes', () => {
    const eighths: AppendPolicy = { ...bySnapshot, codec: 'int8' }
    // Multiples of their scales, so that int8 holds them exactly.
    const [first, second] = [Float32Array.of(127, -64, 3), Float32Array.of(254, 2, -100)]
    const tagOf = (snapshot: number) => ({ snapshot, frame: 0, featureTimeMs: snapshot, writtenMs: 9 })
    let record = written(appendToRing(undefined, seed, tagOf(1), first, 0, 3, eighths))
    record = written(appendToRing(record, seed, tagOf(2), second, 0, 3, eighths))
    const expected = {
      pooled: Float32Array.of(190.5, -31, -48.5),
      slots: [
        { ...tagOf(2), vector: second },
        { ...tagOf(1), vector: first },
      ],
    }
    expect(ringContents(record)).toMatchObject({ codec: 'int8', ...expected })
    const half = written(
      appendToRing(record, seed, tagOf(0), Float32Array.of(1, 2, 3), 0, 3, { ...bySnapshot, count: 2 }),
    )
    const slots = [...expected.slots, { ...tagOf(0), vector: Float32Array.of(1, 2, 3) }]
    expect(ringContents(half)).toMatchObject({ codec: 'fp16', pooled: expected.pooled, slots })
    const back = written(appendToRing(half, seed, tagOf(3), first, 0, 3, eighths))
    expect(ringContents(back)).toMatchObject({
      codec: 'int8',
      slots: [{ ...tagOf(3), vector: first }, ...expected.slots],
    })
    for (const bad of [Number.NaN, -Infinity, 70_000]) {
      expect(() => appendToRing(record, seed, tagOf(5), Float32Array.of(1, bad, 1), 0, 3, eighths)).toThrow(
        NonFiniteVectorError,
      )
    }
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice()
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => checkedTags(flipped, seed)).toThrow(bit > 0 && bit < 8 ? StoreFormatError : StoreCorruptError)
    }
  })

  it('is refused where it is sealed but does not hold together', () => {
    const good = ringOf([
      [1, 1, 1],
      [2, 2, 2],
    ])
    for (const [at, value] of [
      [16, 0],
      [18, 0],
      [18, 3],
      [19, 0],
      [19, 3],
      [20, 1],
      [20, 2],
      // The snapshot of the newest slot: below that of the next.
      [30, 0],
    ]) {
      const bad = good.slice()
      bad[at] = value
      sealRecord(bad, 'ring', 1, seed)
      expect(() => checkedTags(bad, seed)).toThrow(StoreCorruptError)
    }
    for (const payloadBytes of [0, 1, 4, 8]) {
      const short = allocateRecord(payloadBytes)
      sealRecord(short, 'ring', 1, seed)
      expect(() => checkedTags(short, seed)).toThrow(StoreCorruptError)
      expect(() => checkRing(short, 3)).toThrow(StoreError)
    }
  })
})
