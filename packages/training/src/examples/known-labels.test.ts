import { seededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { describe, expect, it } from 'vitest'
import { planRound, type RoundOrder } from '../rounds/round-plan.ts'
import { maturedEntries, type RoundSpan, TimeIndex, weighLabels } from './known-labels.ts'

const before = Number.NEGATIVE_INFINITY

describe('a log counted by hand', () => {
  // Rows at minutes 0, 10, …, 90. Task 0 is known at once, task 1 after 25 minutes, task 2 after 60.
  const delays = [0, 25, 60]
  const times = Float64Array.from({ length: 10 }, (_, row) => row * 10)
  const index = new TimeIndex()
  index.add(times.subarray(0, 4))
  index.add(times.subarray(4))
  const readTimes = (from: number, to: number) => times.subarray(from, to)

  /** `row/task` pairs with a weight, those of replayed rows apart. */
  function trainedPairs(order: RoundOrder, span: RoundSpan, isNew: (row: number) => boolean) {
    const pairs: string[] = []
    const replayed: string[] = []
    const rows = order.rows.length
    const batch = { rows, timeMs: Float64Array.from(order.rows, (row) => times[row]) }
    const labelWeights = new Float32Array(rows * 3).fill(1)
    weighLabels({ ...batch, labelWeights }, delays, span, (r) => order.matured?.[r] === 1)
    for (const [r, row] of order.rows.entries())
      for (let t = 0; t < 3; t++)
        if (labelWeights[r * 3 + t] > 0) (isNew(row) || order.matured?.[r] === 1 ? pairs : replayed).push(`${row}/${t}`)
    return { pairs: pairs.sort(), replayed }
  }

  // trained before, held back from, newest event: rounds at minutes 30, 60 and 90, a row held back in each
  const rounds = [
    { trained: 0, end: 3, span: { previousMs: before, cutoffMs: 30 }, firstEpochs: 1 },
    { trained: 3, end: 6, span: { previousMs: 30, cutoffMs: 60 }, firstEpochs: 0 },
    { trained: 6, end: 9, span: { previousMs: 60, cutoffMs: 90 }, firstEpochs: 0 },
  ].map(({ trained, end, span, firstEpochs }) => {
    const random = seededRandom(1)
    const input = { trained, end, span, firstEpochs, delaysMs: delays, times: index, readTimes, random }
    const [order] = planRound(input)
    return trainedPairs(order, span, (row) => row >= trained)
  })

  it('trains on each label in the round in which it is known', () => {
    // row 0 is 25 minutes old at 30
    expect(rounds[0].pairs).toEqual(['0/0', '0/1', '1/0', '2/0'])
    // rows 1 and 2 are 25 minutes old by 60, and so is the new row 3; row 0 is 60 minutes old
    expect(rounds[1].pairs).toEqual(['0/2', '1/1', '2/1', '3/0', '3/1', '4/0', '5/0'])
    // rows 4 and 5 are 25 by 90, and the new row 6; rows 1, 2 and 3 are 60
    expect(rounds[2].pairs).toEqual(['1/2', '2/2', '3/2', '4/1', '5/1', '6/0', '6/1', '7/0', '8/0'])
  })

  it('trains on no label twice but by replay, which has no unknown one', () => {
    const all = rounds.flatMap(({ pairs }) => pairs)
    expect(new Set(all).size).toBe(all.length)
    for (const [i, cutoffMs] of [30, 60, 90].entries())
      for (const pair of rounds[i].replayed) {
        const [row, t] = pair.split('/').map(Number)
        expect(times[row] + delays[t]).toBeLessThanOrEqual(cutoffMs)
      }
    expect(rounds[2].replayed.length).toBeGreaterThan(0)
  })

  it('leaves rows out that no label is known of', () => {
    const input = { trained: 0, end: 9, times: index, readTimes, delaysMs: [25, 60] }
    const span = { previousMs: before, cutoffMs: 60 }
    const [first, second, none] = planRound({ ...input, firstEpochs: 2, span, random: seededRandom(1) })
    for (const { rows } of [first, second]) expect([...rows].sort()).toEqual([0, 1, 2, 3])
    expect(none).toBeUndefined()
    const later = { ...input, trained: 9, firstEpochs: 0, span: { previousMs: 60, cutoffMs: 80 } }
    const [{ rows, matured }] = planRound({ ...later, random: seededRandom(1) })
    // rows 4 and 5 are 25 minutes old, rows 1 and 2 are 60; as many are replayed
    expect(rows).toHaveLength(8)
    expect([...rows.filter((_, i) => matured![i] === 1)].sort()).toEqual([1, 2, 4, 5])
  })
})

it('every label of a random log is trained on once, late events and held-back rows or not', async () => {
  await fuzz(
    (random) => ({ rows: 1 + random.nextBelow(90), tasks: 1 + random.nextBelow(3), late: random.nextBelow(2) }),
    ({ rows, tasks, late }, random) => {
      const delays = Array.from({ length: tasks }, () => random.nextBelow(4) * 7.3)
      const times = Float64Array.from({ length: rows }, (_, row) => row - (late ? random.nextBelow(9) : 0))
      const counts = new Map<string, number>()
      const index = new TimeIndex()
      let [trained, length, previousMs, newest] = [0, 0, before, before]
      const readTimes = (from: number, to: number) => times.subarray(from, to)
      while (length < rows) {
        const fed = Math.min(rows, length + 1 + random.nextBelow(20))
        for (let at = length; at < fed; ) {
          const to = Math.min(fed, at + 1 + random.nextBelow(6))
          index.add(times.subarray(at, to))
          at = to
        }
        newest = Math.max(newest, ...times.subarray(length, fed))
        const end = fed - random.nextBelow(fed - length)
        const span = { previousMs, cutoffMs: newest }
        const input = { trained, end, span, firstEpochs: trained === 0 ? 1 : 0, delaysMs: delays, times: index }
        for (const { rows: order, matured } of planRound({ ...input, readTimes, random })) {
          const timeMs = Float64Array.from(order, (row) => times[row])
          const labelWeights = new Float32Array(order.length * tasks).fill(1)
          const batch = { rows: order.length, timeMs, labelWeights }
          weighLabels(batch, delays, span, (r) => matured?.[r] === 1)
          for (const [r, row] of order.entries())
            for (let t = 0; t < tasks; t++)
              if (labelWeights[r * tasks + t] > 0 && (row >= trained || matured?.[r] === 1))
                counts.set(`${row}/${t}`, (counts.get(`${row}/${t}`) ?? 0) + 1)
        }
        trained = end
        length = fed
        previousMs = newest
      }
      for (let row = 0; row < rows; row++)
        for (let t = 0; t < tasks; t++) {
          const known = row < trained && times[row] + delays[t] <= newest
          expect(counts.get(`${row}/${t}`) ?? 0, `row ${row}, task ${t}`).toBe(known ? 1 : 0)
        }
    },
    { runs: 200 },
  )
})

it('maturedEntries marks the first entry of each row', () => {
  expect([...maturedEntries(Uint32Array.of(3, 1, 3, 2, 1), Uint32Array.of(1, 3))]).toEqual([1, 1, 0, 0, 0])
})
