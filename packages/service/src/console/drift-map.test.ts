import { expect, it } from 'vitest'
import { driftMap, type Position } from './drift-map.ts'

const at = (snapshot: number, vector: readonly number[], frame = 0): Position => ({
  snapshot,
  frame,
  vector: Float32Array.from(vector),
})

/** Four users in the corners of a rectangle; snapshot 2 turns the first by a right angle and leaves the others. */
const panel = [
  [at(1, [4, -1, 0]), at(2, [1, 4, 0])],
  [at(1, [1, -4, 0]), at(2, [1, -4, 0])],
  [at(1, [-1, 4, 0]), at(2, [-1, 4, 0])],
  [at(2, [-1, -4, 0])],
]

it('shows users in the plane of their newest embeddings, and where they were before in it', async () => {
  const { map } = await driftMap('m', panel)
  expect(map).toMatchObject({ model: 'm', users: 4, frame: 0, otherFrame: 0 })
  // The newest are (±1, ±4, 0) around nought: the first axis is e₁ with 16 of 17 parts of the variance, the second e₀.
  expect(map.shares![0]).toBeCloseTo(16 / 17, 6)
  expect(map.shares![1]).toBeCloseTo(1 / 17, 6)
  const expected = panel.map((positions) => ({
    snapshots: positions.map(({ snapshot }) => snapshot),
    x: positions.map(({ vector }) => vector[1]),
    y: positions.map(({ vector }) => vector[0]),
  }))
  for (const [u, { snapshots, x, y }] of expected.entries()) {
    expect(map.paths[u].snapshots).toEqual(snapshots)
    for (const [i] of x.entries()) {
      expect(map.paths[u].x[i]).toBeCloseTo(x[i], 4)
      expect(map.paths[u].y[i]).toBeCloseTo(y[i], 4)
    }
  }
  // Of the first three, less their means (1, 4, 0) / 3 and (4, −1, 0) / 3.
  const cosines = [0, 174 / Math.sqrt(260 * 122), 132 / Math.sqrt(80 * 218)]
  expect(map.paths.map(({ cosine }) => cosine)).toEqual([...cosines.map((own) => expect.closeTo(own, 5)), null])
})

it('tells of each snapshot how far it moved its users', async () => {
  const { map } = await driftMap('m', [...panel, [at(1, [0, 3, 0])]])
  // Of cosines 0 and two that are near 1: a tenth lies at a fifth of the way to the lower of them.
  const near = [174 / Math.sqrt(260 * 122), 132 / Math.sqrt(80 * 218)]
  const [mean, low] = [(near[0] + near[1]) / 3, Math.min(...near)]
  expect(map.snapshots).toEqual([
    { snapshot: 1, users: 1, moved: 0, cosineMean: null, cosineP10: null },
    { snapshot: 2, users: 4, moved: 3, cosineMean: expect.closeTo(mean, 5), cosineP10: expect.closeTo(0.2 * low, 5) },
  ])
})

it('leaves out embeddings of another frame', async () => {
  const moved = [...panel.slice(0, 3), [at(1, [9, 9, 9], 1), at(2, [0, 1, 0])], [at(3, [100, 100, 100], 1)]]
  const { map } = await driftMap('m', moved)
  expect(map).toMatchObject({ users: 5, frame: 0, otherFrame: 1 })
  expect(map.paths.map(({ snapshots }) => snapshots.length)).toEqual([2, 2, 2, 1])
  expect(Math.max(...map.paths.flatMap(({ x }) => x))).toBeLessThan(10)
})

it('begins with three users', async () => {
  for (const few of [[], panel.slice(0, 2)]) {
    const { map } = await driftMap('m', few)
    expect(map).toEqual({
      model: 'm',
      users: few.length,
      frame: null,
      otherFrame: 0,
      shares: null,
      snapshots: [],
      paths: [],
    })
  }
})
