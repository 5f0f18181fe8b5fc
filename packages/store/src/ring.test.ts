import { describe, expect, it } from 'vitest'
import { floatToHalf, halfToFloat } from './codec/half.ts'
import { DimensionError, NonFiniteVectorError, StoreCorruptError, StoreError, StoreFormatError } from './errors.ts'
import { allocateRecord, sealRecord } from './record.ts'
import { type AppendPolicy, appendToRing, checkRing, checkWholeRing, decodeRing } from './ring.ts'

const bySnapshot: AppendPolicy = { slots: 3, count: 3, slot: 'snapshot' }
const byRefresh: AppendPolicy = { slots: 3, count: 3, slot: 'refresh' }

type Put = readonly [snapshot: number, featureTimeMs: number, value: number, frame?: number]

function put(record: Uint8Array | undefined, [snapshot, featureTimeMs, value, frame = 0]: Put, policy = bySnapshot) {
  const tag = { snapshot, frame, featureTimeMs, writtenMs: featureTimeMs + 5 }
  return appendToRing(record, tag, Float32Array.of(value, -value, 2), 0, 3, policy)
}

function ringOf(puts: readonly Put[], policy = bySnapshot): Uint8Array {
  let record: Uint8Array | undefined
  for (const each of puts) record = put(record, each, policy).record ?? record
  return record!
}

const order = (record: Uint8Array) => decodeRing(record).slots.map((slot) => [slot.snapshot, slot.featureTimeMs])

describe('ring', () => {
  it('holds one slot a snapshot, renewed by later feature times only', () => {
    const first = ringOf([[1, 100, 1]])
    const record = put(first, [1, 200, 2]).record!
    expect(order(record)).toEqual([[1, 200]])
    expect(put(record, [1, 200, 9]).outcome).toBe('duplicate')
    expect(put(record, [1, 150, 9]).outcome).toBe('older')
    expect(decodeRing(record).version).toBe((decodeRing(first).version % 0xffffffff) + 1)
  })

  it('keeps order whatever comes late, and lets the oldest snapshot go', () => {
    const record = ringOf([
      [5, 100, 5],
      [3, 400, 3],
      [4, 50, 4],
      [6, 10, 6],
    ])
    expect(order(record)).toEqual([
      [6, 10],
      [5, 100],
      [4, 50],
    ])
    expect(put(record, [3, 999, 1]).outcome).toBe('older')
    expect(decodeRing(record).pooled[0]).toBe(5)
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
    expect(put(record, [1, 300, 9], byRefresh).outcome).toBe('duplicate')
    expect(put(record, [1, 100, 9], byRefresh).outcome).toBe('older')
    expect(decodeRing(record).pooled[0]).toBe(3)
  })

  it('pools only the frame of the newest slot', () => {
    const record = ringOf([
      [1, 100, 1, 7],
      [2, 200, 10, 8],
      [3, 300, 20, 8],
    ])
    expect([...decodeRing(record).pooled]).toEqual([15, -15, 2])
    expect(decodeRing(record).pooledSlots).toBe(2)
    const next = put(record, [4, 400, 100, 9]).record!
    expect([...decodeRing(next).pooled]).toEqual([100, -100, 2])
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
    expect(decodeRing(record).pooled[0]).toBe(3.5)
  })

  it.each(['snapshot', 'refresh'] as const)('equals a list kept by the rule in words, one slot a %s', (slot) => {
    let seed = 5
    const next = (n: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    for (let round = 0; round < 300; round++) {
      const slots = 1 + next(4)
      const policy = { slots, count: 1 + next(slots), slot, maxLagMs: round % 3 === 0 ? Infinity : next(6) }
      let held: { snapshot: number; time: number; frame: number; value: number }[] = []
      let record: Uint8Array | undefined
      for (let step = 0; step < 25; step++) {
        const item = { snapshot: next(5), time: next(6), frame: 0, value: step + next(100) / 7 }
        item.frame = item.snapshot >> 1
        const twin = held.find((each) => each.snapshot === item.snapshot && each.time === item.time)
        const rival = slot === 'snapshot' ? held.find((each) => each.snapshot === item.snapshot) : undefined
        const before = held
        if (twin === undefined && !(rival !== undefined && rival.time > item.time)) {
          held = [...held.filter((each) => each !== rival), item]
            .sort((a, b) => b.snapshot - a.snapshot || b.time - a.time)
            .slice(0, slots)
        }
        const changed = held !== before && held.includes(item)
        if (!changed) held = before
        const result = put(record, [item.snapshot, item.time, item.value, item.frame], policy)
        expect(result.outcome).toBe(changed ? 'written' : twin !== undefined ? 'duplicate' : 'older')
        record = result.record ?? record
        const decoded = decodeRing(record!)
        expect(decoded.slots.map((each) => [each.snapshot, each.featureTimeMs, each.frame, each.vector[0]])).toEqual(
          held.map((each) => [each.snapshot, each.time, each.frame, halfToFloat(floatToHalf(each.value))]),
        )
        const pooled = held
          .filter((each) => each.frame === held[0].frame && held[0].time - each.time <= policy.maxLagMs)
          .slice(0, policy.count)
        const mean = pooled.reduce((sum, each) => sum + halfToFloat(floatToHalf(each.value)), 0) / pooled.length
        expect(Math.abs(decoded.pooled[0] - mean)).toBeLessThanOrEqual(Math.abs(mean) * 2 ** -10)
      }
    }
  })

  it('refuses what fp16 cannot hold, another dim, flipped bits and another format', () => {
    for (const bad of [Number.NaN, Infinity, 70_000]) {
      expect(() => put(undefined, [1, 1, bad])).toThrow(NonFiniteVectorError)
    }
    const record = ringOf([[1, 1, 1]])
    const tag = { snapshot: 2, frame: 0, featureTimeMs: 2, writtenMs: 2 }
    expect(() => appendToRing(record, tag, new Float32Array(4), 0, 4, bySnapshot)).toThrow(DimensionError)
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice()
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => decodeRing(flipped)).toThrow(bit < 8 ? StoreFormatError : StoreCorruptError)
    }
    for (let length = 0; length < record.length; length++) {
      expect(() => decodeRing(record.slice(0, length))).toThrow(StoreCorruptError)
    }
  })

  it('takes the bytes that it promises: N = 3, D = 192', () => {
    const sizeOf = (codec: 'fp16' | 'int8') => {
      let record: Uint8Array | undefined
      for (let snapshot = 0; snapshot < 3; snapshot++) {
        const tag = { snapshot, frame: 0, featureTimeMs: 1, writtenMs: 1 }
        record = appendToRing(record, tag, new Float32Array(192), 0, 192, { ...bySnapshot, codec }).record!
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
    let record = appendToRing(undefined, tagOf(1), first, 0, 3, eighths).record!
    record = appendToRing(record, tagOf(2), second, 0, 3, eighths).record!
    const expected = {
      pooled: Float32Array.of(190.5, -31, -48.5),
      slots: [
        { ...tagOf(2), vector: second },
        { ...tagOf(1), vector: first },
      ],
    }
    expect(decodeRing(record)).toMatchObject({ codec: 'int8', ...expected })
    const half = appendToRing(record, tagOf(0), Float32Array.of(1, 2, 3), 0, 3, { ...bySnapshot, count: 2 }).record!
    const slots = [...expected.slots, { ...tagOf(0), vector: Float32Array.of(1, 2, 3) }]
    expect(decodeRing(half)).toMatchObject({ codec: 'fp16', pooled: expected.pooled, slots })
    const back = appendToRing(half, tagOf(3), first, 0, 3, eighths).record!
    expect(decodeRing(back)).toMatchObject({
      codec: 'int8',
      slots: [{ ...tagOf(3), vector: first }, ...expected.slots],
    })
    for (const bad of [Number.NaN, -Infinity, 70_000]) {
      expect(() => appendToRing(record, tagOf(5), Float32Array.of(1, bad, 1), 0, 3, eighths)).toThrow(
        NonFiniteVectorError,
      )
    }
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice()
      flipped[bit >> 3] ^= 1 << (bit & 7)
      expect(() => decodeRing(flipped)).toThrow(bit < 8 ? StoreFormatError : StoreCorruptError)
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
      sealRecord(bad, 'ring', 1)
      expect(() => checkWholeRing(bad)).toThrow(StoreCorruptError)
    }
    for (const payloadBytes of [0, 1, 4, 8]) {
      const short = allocateRecord(payloadBytes)
      sealRecord(short, 'ring', 1)
      expect(() => checkWholeRing(short)).toThrow(StoreCorruptError)
      expect(() => checkRing(short, 3)).toThrow(StoreError)
    }
  })
})
