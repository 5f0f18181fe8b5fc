import { describe, expect, it } from 'vitest'
import { servedAverages } from './panel-arm.ts'

const averaging = { weights: [1, 1, 1], maxLagMs: 0 }
/** Two users' vectors as of five snapshots: numbers that half precision holds. */
const bySnapshot = [0, 1, 2, 3, 4].map((k) => [
  Float32Array.of(3 * k * k, 6),
  Float32Array.of(0 - 12 * k, k === 4 ? 9 : 0),
])

const plain = (served: readonly (readonly Float32Array[])[]) => served.map((rows) => rows.map((row) => Array.from(row)))

describe('servedAverages', () => {
  it('averages the last three snapshots, and fewer where no more have been published', () => {
    // By hand: 0, 3, 12, 27, 48 → 0, 3/2, 15/3, 42/3, 87/3.
    expect(plain(servedAverages(bySnapshot, averaging, null))).toEqual([
      [
        [0, 6],
        [0, 0],
      ],
      [
        [1.5, 6],
        [-6, 0],
      ],
      [
        [5, 6],
        [-12, 0],
      ],
      [
        [14, 6],
        [-24, 0],
      ],
      [
        [29, 6],
        [-36, 3],
      ],
    ])
  })

  it('leaves out what lies in another frame', () => {
    const [, , third, fourth, fifth] = plain(servedAverages(bySnapshot, averaging, [0, 0, 0, 1, 1]))
    expect(third[0]).toEqual([5, 6])
    expect(fourth[0]).toEqual([27, 6])
    expect(fifth).toEqual([
      [37.5, 6],
      [-42, 4.5],
    ])
  })
})
