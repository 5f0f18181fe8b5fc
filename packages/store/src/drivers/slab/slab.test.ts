import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { StoreWriteError } from '../../validation/errors.ts'
import { type OwnerKind, Slab, statePart } from './slab.ts'

/** Bytes that differ from record to record and from place to place. */
const bytesOf = (length: number, n: number) => Uint8Array.from({ length }, (_, i) => n + i * (1 + (n % 7)))
/** Compared as a whole: an assertion a byte would take minutes. */
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0

/** The record that the slab holds, or undefined. */
function recordIn(slab: Slab, tenant: string, kind: OwnerKind, key: string, part: number): Uint8Array | undefined {
  const [location] = slab.findAndTouch(slab.spaceOf(tenant, kind), [key])
  if (location === 0 || !slab.select(location, part)) return undefined
  return slab.bytes.slice(slab.at, slab.at + slab.length)
}

function contents(slab: Slab): Map<string, Uint8Array> {
  const held = new Map<string, Uint8Array>()
  for (let from: number | null = 0; from !== null; ) {
    from = slab.visitFrom(null, from, 100, (key, part, record, space) => {
      const { tenant, kind } = slab.ownersOf(space)
      const name = JSON.stringify([tenant, kind, key, part])
      expect(held.has(name)).toBe(false)
      held.set(name, record.slice())
    })
  }
  return held
}

describe('the slab', () => {
  it('holds what a Map holds, over random writes of all sizes, removals and tenants', async () => {
    await fuzz(
      (random) => ({
        operations: 2_000,
        keys: 1 + random.nextBelow(60),
        largest: [10, 300, 3_000, 40_000][random.nextBelow(4)],
        alphabet: ['u', 'ü', '用', '😀'][random.nextBelow(4)],
      }),
      ({ operations, keys, largest, alphabet }, random) => {
        const slab = new Slab({ segmentBytes: 2 ** 13, seed: 7 })
        const truth = new Map<string, Uint8Array>()
        const parts = [0, 1, slab.makePartOfModel('m'), slab.makePartOfModel('n')]
        for (let n = 0; n < operations; n++) {
          const tenant = `t${random.nextBelow(2)}`
          const kind = (['user', 'item', 'tombstone'] as const)[random.nextBelow(3)]
          const index = random.nextBelow(keys)
          const key = alphabet.repeat(index % 7) + String(index)
          const part = parts[random.nextBelow(4)]
          const name = JSON.stringify([tenant, kind, key, part])
          const action = random.nextBelow(10)
          const space = slab.spaceOf(tenant, kind)
          if (action < 7) {
            // Often of the size it had, which is overwritten in place.
            const length = random.nextBelow(2) === 0 ? (truth.get(name)?.length ?? 5) : random.nextBelow(largest)
            const record = bytesOf(length, n)
            slab.put(slab.makeSpace(tenant, kind), key, part, record, n)
            slab.maintain()
            truth.set(name, record)
            expect(slab.select(slab.find(slab.spaceOf(tenant, kind), key), part)).toBe(true)
            expect(slab.stamp).toBe(n)
          } else if (action < 9) {
            const location = slab.find(space, key)
            expect(location !== 0 && slab.removePart(location, part)).toBe(truth.delete(name))
          } else {
            const location = slab.find(space, key)
            if (location !== 0) slab.remove(location)
            for (const each of parts) truth.delete(JSON.stringify([tenant, kind, key, each]))
          }
          expect(same(recordIn(slab, tenant, kind, key, part), truth.get(name))).toBe(true)
        }
        const held = contents(slab)
        expect([...held.keys()].sort()).toEqual([...truth.keys()].sort())
        for (const [name, record] of held) expect(same(record, truth.get(name))).toBe(true)
      },
      { runs: 12 },
    )
  })

  it('keeps little dead: memory stays in proportion to what is held while sizes change', () => {
    const slab = new Slab({ segmentBytes: 2 ** 16, seed: 1 })
    let state = 3
    const nextBelow = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const space = slab.makeSpace('t', 'user')
    const sizes = new Array<number>(2_000).fill(0)
    let largestStep = 0
    for (let n = 0; n < 40_000; n++) {
      const user = nextBelow(sizes.length)
      sizes[user] = 400 + nextBelow(800)
      const before = slab.moved
      slab.put(space, `user-${user}`, statePart, new Uint8Array(sizes[user]))
      slab.maintain()
      largestStep = Math.max(largestStep, slab.moved - before)
    }
    const held = sizes.reduce((sum, size) => sum + size, 0)
    expect(slab.sizeBytes / held).toBeLessThan(1.25)
    expect(slab.moved).toBeGreaterThan(0)
    // Sixteen times what was written, 1,300 bytes at most, in entries of 400 and more.
    expect(largestStep).toBeLessThanOrEqual(Math.ceil((16 * 1_300) / 400) + 1)
  })

  it('stays within its capacity, keeps what is read, and moves a bounded number of entries a write', () => {
    const capacityBytes = 2 ** 21
    const slab = new Slab({ capacityBytes, seed: 1 })
    const space = slab.makeSpace('t', 'user')
    const record = new Uint8Array(1_000)
    const hot = Array.from({ length: 200 }, (_, i) => `hot-${i}`)
    for (const key of hot) slab.put(space, key, statePart, record)
    let largestStep = 0
    let largestBytes = 0
    for (let n = 0; n < 30_000; n++) {
      const before = slab.moved + slab.evicted
      slab.put(space, `cold-${n}`, statePart, record)
      slab.maintain()
      largestStep = Math.max(largestStep, slab.moved + slab.evicted - before)
      largestBytes = Math.max(largestBytes, slab.sizeBytes)
      slab.findAndTouch(space, [hot[n % hot.length]])
    }
    expect(largestBytes).toBeLessThanOrEqual(capacityBytes)
    expect(slab.sizeBytes).toBeGreaterThan(0.9 * capacityBytes)
    expect(slab.owners).toBeGreaterThan(1_700)
    expect(slab.evicted).toBe(30_200 - slab.owners)
    expect(largestStep).toBeLessThanOrEqual(18)
    expect(hot.filter((key) => slab.find(space, key) === 0)).toEqual([])
    expect(slab.find(space, 'cold-29999')).not.toBe(0)
  })

  it('works within a capacity like a Map that forgets, whatever the sizes', async () => {
    await fuzz(
      (random) => ({ largest: [100, 3_000, 30_000][random.nextBelow(3)], keys: 100 + random.nextBelow(3_000) }),
      ({ largest, keys }, random) => {
        const capacityBytes = 2 ** 20
        const slab = new Slab({ capacityBytes, seed: 2 })
        const parts = [0, 1, slab.makePartOfModel('m')]
        const space = slab.makeSpace('t', 'user')
        const tombstones = slab.makeSpace('t', 'tombstone')
        const truth = new Map<string, Uint8Array>()
        for (let n = 0; n < 4_000; n++) {
          const key = `u${Math.floor(keys * random.nextFloat() ** 2)}`
          const part = parts[random.nextBelow(3)]
          const record = new Uint8Array(1 + random.nextBelow(largest)).fill(n)
          slab.makeRoom(slab.bytesFor(slab.find(space, key), record.length))
          // Of an evicted owner nothing is left, also not the other parts.
          const [location] = slab.findAndTouch(space, [key])
          for (const each of parts) {
            const held = recordIn(slab, 't', 'user', key, each)
            if (held === undefined) truth.delete(`${key} ${each}`)
            else expect(same(held, truth.get(`${key} ${each}`))).toBe(true)
            if (location === 0) expect(held).toBe(undefined)
          }
          if (!slab.fits(location, record.length)) continue
          slab.put(space, key, part, record)
          truth.set(`${key} ${part}`, record)
          slab.maintain()
          if (n % 50 === 0) slab.put(tombstones, `d${n}`, statePart, record.subarray(0, 24))
          expect(slab.sizeBytes).toBeLessThanOrEqual(capacityBytes + 10 * slab.owners)
        }
        for (let n = 0; n < 4_000; n += 50) {
          const held = recordIn(slab, 't', 'tombstone', `d${n}`, statePart)
          if (held !== undefined) expect(held.every((byte) => byte === n % 256)).toBe(true)
        }
        for (const name of contents(slab).keys()) {
          const [, kind, key, part] = JSON.parse(name)
          if (kind === 'user') expect(truth.has(`${key} ${part}`)).toBe(true)
        }
      },
      { runs: 9 },
    )
  })

  it('finds many owners at once as one after the other, while the index grows and shrinks', async () => {
    await fuzz(
      (random) => ({ keys: [3, 200, 5_000][random.nextBelow(3)] }),
      ({ keys }, random) => {
        const slab = new Slab({ segmentBytes: 2 ** 14, seed: 3 })
        const space = slab.makeSpace('t', 'user')
        const other = slab.makeSpace('t', 'item')
        const held = new Set<string>()
        const keyAt = () => `u${random.nextBelow(keys)}`
        for (let n = 0; n < 3_000; n++) {
          const key = keyAt()
          slab.put(other, key, statePart, new Uint8Array(8))
          const removed = random.nextBelow(4) === 0 ? slab.find(space, key) : 0
          if (removed !== 0) slab.remove(removed)
          else slab.put(space, key, statePart, new Uint8Array(8 + random.nextBelow(50)))
          if (removed !== 0) held.delete(key)
          else held.add(key)
          slab.maintain()
          if (n % 10 !== 0) continue
          const asked = Array.from({ length: random.nextBelow(200) }, keyAt)
          const found = slab.findAndTouch(space, asked).slice(0, asked.length)
          expect([...found]).toEqual(asked.map((each) => slab.find(space, each)))
          expect([...found].map((location) => location !== 0)).toEqual(asked.map((each) => held.has(each)))
        }
      },
      { runs: 9 },
    )
  })

  it('never evicts a tombstone, and says so when they fill it', () => {
    const slab = new Slab({ capacityBytes: 2 ** 20, seed: 1 })
    const space = slab.makeSpace('t', 'tombstone')
    const users = slab.makeSpace('t', 'user')
    for (let n = 0; n < 2_000; n++) {
      slab.put(space, `digest-${n}`, statePart, new Uint8Array(24))
      slab.put(users, `user-${n}`, statePart, new Uint8Array(5_000))
      slab.maintain()
    }
    expect(slab.evicted).toBeGreaterThan(1_500)
    for (let n = 0; n < 2_000; n++) expect(slab.find(space, `digest-${n}`)).not.toBe(0)
    let written = 2_000
    expect(() => {
      for (; written < 100_000; written++) {
        slab.put(space, `digest-${written}`, statePart, new Uint8Array(24))
        slab.maintain()
      }
    }).toThrow(StoreWriteError)
    expect(written).toBeGreaterThan(5_000)
    for (let n = 0; n < written; n++) expect(slab.find(space, `digest-${n}`)).not.toBe(0)
  })

  it('refuses a capacity that is too small to work with', () => {
    expect(() => new Slab({ capacityBytes: 2 ** 19 })).toThrow(StoreWriteError)
    expect(() => new Slab({ capacityBytes: Number.NaN })).toThrow(StoreWriteError)
  })
})
