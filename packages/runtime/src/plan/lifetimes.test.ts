import { fuzz } from '@headwater/testkit'
import { expect, it } from 'vitest'
import { assignMemory, type Lifetime } from './lifetimes.ts'

const none: ReadonlySet<number> = new Set()
const meet = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

/** Bytes that are needed at one time at least. */
const liveBytes = (lifetimes: readonly Lifetime[]) =>
  Math.max(
    0,
    ...lifetimes.map(({ first }) =>
      sum(lifetimes.filter((l) => l.first <= first && first <= l.last).map((l) => l.sizeBytes)),
    ),
  )

it('shares no byte between two that live at once, keeps apart what must be, and takes no more than a buffer each', async () => {
  await fuzz(
    (random) => {
      const count = random.nextBelow(40)
      const apart = Array.from({ length: count }, () => new Set<number>())
      for (let i = 0; i < count; i++) {
        const other = random.nextBelow(count)
        if (other === i) continue
        apart[i].add(other)
        apart[other].add(i)
      }
      const lifetimes = apart.map((set) => {
        const first = random.nextBelow(30)
        const last = random.nextBelow(8) === 0 ? Number.POSITIVE_INFINITY : first + random.nextBelow(10)
        return { sizeBytes: 16 * (1 + random.nextBelow(50)), first, last, apart: set }
      })
      return { lifetimes, maxBufferBytes: 16 * (50 + random.nextBelow(500)) }
    },
    ({ lifetimes, maxBufferBytes }) => {
      const { places, bufferBytes } = assignMemory(lifetimes, maxBufferBytes)
      for (const [i, a] of lifetimes.entries()) {
        const { buffer, offsetBytes } = places[i]
        expect(offsetBytes % 256).toBe(0)
        expect(offsetBytes + a.sizeBytes).toBeLessThanOrEqual(bufferBytes[buffer])
        if (a.last === Number.POSITIVE_INFINITY) expect(offsetBytes).toBe(0)
        for (const [j, b] of lifetimes.entries()) {
          if (i === j || places[j].buffer !== buffer) continue
          expect(a.apart.has(j), `${i} and ${j} must lie apart`).toBe(false)
          const shared =
            Math.min(offsetBytes + a.sizeBytes, places[j].offsetBytes + b.sizeBytes) -
            Math.max(offsetBytes, places[j].offsetBytes)
          expect(meet(a, b) && shared > 0, `${i} and ${j} live at once in the same bytes`).toBe(false)
        }
      }
      for (const bytes of bufferBytes) expect(bytes).toBeLessThanOrEqual(maxBufferBytes)
      expect(sum(bufferBytes)).toBeLessThanOrEqual(sum(lifetimes.map((l) => aligned(l.sizeBytes))))
      expect(sum(bufferBytes)).toBeGreaterThanOrEqual(liveBytes(lifetimes))
    },
    { runs: 100 },
  )
})

const aligned = (bytes: number) => Math.ceil(bytes / 256) * 256

it('takes what is live at most, where nothing must lie apart', () => {
  // Two of 512 bytes follow one of 1024, into whose place both fit.
  const lifetimes = [
    { sizeBytes: 512, first: 2, last: 3, apart: none },
    { sizeBytes: 1024, first: 0, last: 1, apart: none },
    { sizeBytes: 512, first: 2, last: 4, apart: none },
    { sizeBytes: 768, first: 4, last: 5, apart: none },
  ]
  const { bufferBytes, places } = assignMemory(lifetimes, 4096)
  expect(bufferBytes).toEqual([1280])
  expect(liveBytes(lifetimes)).toBe(1280)
  expect(places[1]).toEqual({ buffer: 0, offsetBytes: 0 })
})

it('makes a chain of links, each of which reads the one before, do with two buffers', () => {
  const chain = Array.from({ length: 9 }, (_, i) => ({
    sizeBytes: 256,
    first: i,
    last: i + 1,
    apart: new Set([i - 1, i + 1].filter((j) => j >= 0 && j < 9)),
  }))
  expect(assignMemory(chain, 4096).bufferBytes).toEqual([256, 256])
})

it('of nothing is nothing', () => {
  expect(assignMemory([], 4096)).toEqual({ places: [], bufferBytes: [] })
})
