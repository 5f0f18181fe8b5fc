import { seededRandom } from '@headwater/statistics'
import { expect, it } from 'vitest'
import { blockShuffled, withReplay } from './orders.ts'

const ascending = (values: Uint32Array) => [...values].sort((a, b) => a - b)
const count = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

it('blockShuffled permutes any range', () => {
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [5, 261],
    [0, 256 * 3 + 1],
    [1000, 1000 + 256 * 66 + 17],
  ]) {
    const order = blockShuffled(from, to, seededRandom(1))
    expect(ascending(order).every((row, i) => row === from + i)).toBe(true)
    expect(order).toHaveLength(to - from)
    if (to - from > 100) expect([...order]).not.toEqual(count(from, to))
  }
})

it('blockShuffled mixes far and near, and follows its seed', () => {
  const rows = 256 * 100
  const order = blockShuffled(0, rows, seededRandom(2))
  expect(blockShuffled(0, rows, seededRandom(2))).toEqual(order)
  expect(blockShuffled(0, rows, seededRandom(3))).not.toEqual(order)
  // a batch of 512 holds rows of most of the log
  expect(new Set(order.subarray(0, 512).map((row) => Math.floor(row / (rows / 10)))).size).toBe(10)
})

it('withReplay takes each new row once and as many old ones', () => {
  for (const [before, to] of [
    [100, 140],
    [3, 1000],
    [1000, 1000],
  ]) {
    const fresh = Uint32Array.from(count(before, to))
    const order = withReplay(fresh, before, seededRandom(4))
    expect(order).toHaveLength(2 * (to - before))
    expect(ascending(order.filter((row) => row >= before))).toEqual(count(before, to))
    expect(order.every((row) => row < to)).toBe(true)
  }
  expect(ascending(withReplay(Uint32Array.from(count(0, 50)), 0, seededRandom(5)))).toEqual(count(0, 50))
  // rows that became new again lie among those that are drawn from
  const again = withReplay(Uint32Array.of(2, 7), 4, seededRandom(6))
  expect(again).toHaveLength(4)
  expect(again).toContain(2)
  expect(again).toContain(7)
})
