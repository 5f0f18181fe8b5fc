import { fuzz } from '@headwater/testkit/fuzz'
import { describe, expect, it } from 'vitest'
import { HashIndex } from './hash-index.ts'

/** Keys by location, so that hashes can be chosen freely. */
class Keys {
  readonly byLocation = new Map<number, string>()
  checks = 0
  holds(location: number, _: number, key: string): boolean {
    this.checks++
    return this.byLocation.get(location) === key
  }
}

describe('the hash index', () => {
  it('agrees with a Map over random insertions, moves and removals, with many equal hashes', async () => {
    await fuzz(
      (random) => ({
        operations: 3_000 + random.nextBelow(3_000),
        // From all hashes equal, through clusters that wrap around the table's end, to spread ones.
        hashes: [1, 7, 64, 1_000_000][random.nextBelow(4)],
        top: random.nextBelow(2) === 0,
        keep: 20 + random.nextBelow(2_500),
      }),
      ({ operations, hashes, top, keep }, random) => {
        const keys = new Keys()
        const index = new HashIndex(keys)
        const truth = new Map<string, { hash: number; location: number }>()
        let next = 1
        for (let n = 0; n < operations; n++) {
          const key = `k${random.nextBelow(2 * keep)}`
          const held = truth.get(key)
          if (held === undefined) {
            const below = Math.floor((random.nextBelow(hashes) / hashes) * 2 ** (hashes > 64 ? 32 : 10))
            const entry = { hash: top ? 0xffffffff - below : below, location: next++ }
            if (hashes <= 64 && truth.size > 400) continue
            keys.byLocation.set(entry.location, key)
            index.insert(entry.hash, entry.location)
            truth.set(key, entry)
          } else if (random.nextBelow(3) === 0) {
            index.relocate(held.hash, held.location, next)
            keys.byLocation.delete(held.location)
            keys.byLocation.set(next, key)
            truth.set(key, { hash: held.hash, location: next++ })
          } else if (truth.size > keep || random.nextBelow(3) === 0) {
            index.delete(held.hash, held.location)
            truth.delete(key)
          } else if (random.nextBelow(8) === 0) index.carry()
          const probe = `k${random.nextBelow(2 * keep)}`
          const expected = truth.get(probe)
          if (expected !== undefined) expect(index.find(expected.hash, 0, probe)).toBe(expected.location)
          else expect(index.find(random.nextBelow(2 ** 32), 0, probe)).toBe(0)
        }
        expect(index.count).toBe(truth.size)
        for (const [key, { hash, location }] of truth) expect(index.find(hash, 0, key)).toBe(location)
        const visited: number[] = []
        for (let from: number | null = 0; from !== null; ) {
          from = index.visitFrom(from, 1 + random.nextBelow(50), (location) => visited.push(location))
        }
        expect(visited.sort((a, b) => a - b)).toEqual(
          [...truth.values()].map((entry) => entry.location).sort((a, b) => a - b),
        )
      },
    )
  })

  it('visits what stays, once, while the table grows between slices', () => {
    const keys = new Keys()
    const index = new HashIndex(keys)
    const hashOf = (location: number) => Math.imul(location, 0x9e3779b1) >>> 0
    for (let location = 1; location <= 700; location++) index.insert(hashOf(location), location)
    const visited: number[] = []
    let next = 701
    for (let from: number | null = 0; from !== null; ) {
      from = index.visitFrom(from, 20, (location) => visited.push(location))
      for (let i = 0; i < 60; i++, next++) index.insert(hashOf(next), next)
    }
    expect(next).toBeGreaterThan(3_000)
    expect(visited.filter((location) => location <= 700).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 700 }, (_, i) => i + 1),
    )
  })

  it('grows without copying more than a few slots at once', () => {
    const keys = new Keys()
    const index = new HashIndex(keys)
    // Each table is of a power of two, and both are there while one grows into the other.
    const growing = () => !Number.isInteger(Math.log2(index.sizeBytes))
    let growths = 0
    let insertionsWhileGrowing = 0
    for (let location = 1; location <= 220_000; location++) {
      const before = growing()
      index.insert(Math.imul(location, 0x9e3779b1) >>> 0, location)
      if (!before && growing()) growths++
      if (growing()) insertionsWhileGrowing++
    }
    // From 1,024 slots to 262,144 and more: each of the old tables took its share of insertions to be carried over.
    const slotsMovedAtOnce = 16
    const carriedSlots = 1_024 * (2 ** growths - 1)
    expect(growths).toBeGreaterThanOrEqual(8)
    expect(insertionsWhileGrowing).toBeGreaterThanOrEqual(carriedSlots / slotsMovedAtOnce - growths)
    expect(insertionsWhileGrowing).toBeLessThanOrEqual(carriedSlots / slotsMovedAtOnce + growths)
  })
})
