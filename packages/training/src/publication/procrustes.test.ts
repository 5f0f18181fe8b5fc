import { seededRandom } from '@headwater/statistics'
import { describe, expect, it } from 'vitest'
import { ProcrustesError, procrustes, type Rotation, rotate, withSpreadOf } from './procrustes.ts'

const random = seededRandom(1)
const normals = (length: number) => Float64Array.from({ length }, () => random.nextNormal())

/** An orthogonal matrix [J, J] by Gram–Schmidt, of either orientation. */
function orthogonal(dim: number): Float64Array {
  const rows: Float64Array[] = []
  while (rows.length < dim) {
    const row = normals(dim)
    // twice is enough for float64
    for (const other of [...rows, ...rows]) {
      const dot = row.reduce((sum, value, j) => sum + value * other[j], 0)
      for (let j = 0; j < dim; j++) row[j] -= dot * other[j]
    }
    const norm = Math.hypot(...row)
    rows.push(row.map((value) => value / norm))
  }
  return Float64Array.from(rows.flatMap((row) => [...row]))
}

function determinant(matrix: Float64Array, dim: number): number {
  const a = Array.from({ length: dim }, (_, i) => [...matrix.subarray(i * dim, (i + 1) * dim)])
  let det = 1
  for (let i = 0; i < dim; i++) {
    const pivot = a.findIndex(
      (row, r) => r >= i && Math.abs(row[i]) === Math.max(...a.slice(i).map((x) => Math.abs(x[i]))),
    )
    if (pivot !== i) det = -det
    ;[a[i], a[pivot]] = [a[pivot], a[i]]
    det *= a[i][i]
    for (let r = i + 1; r < dim; r++) for (let c = dim - 1; c >= i; c--) a[r][c] -= (a[r][i] / a[i][i]) * a[i][c]
  }
  return det
}

const distance = (a: Float64Array, b: Float64Array) => Math.hypot(...a.map((value, i) => value - b[i]))
const largestGap = (a: Float64Array, b: Float64Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)

function expectOrthogonal({ dim, weight }: Rotation): void {
  for (let i = 0; i < dim; i++)
    for (let k = 0; k < dim; k++) {
      let dot = 0
      for (let j = 0; j < dim; j++) dot += weight[i * dim + j] * weight[k * dim + j]
      expect(Math.abs(dot - (i === k ? 1 : 0))).toBeLessThan(1e-12)
    }
}

describe('a known rotation and shift', () => {
  for (const [users, dim] of [
    [2, 1],
    [5, 3],
    [400, 16],
    [500, 97],
  ])
    it(`is recovered to 1e-10, ${users} users of ${dim}`, () => {
      const truth = { dim, weight: orthogonal(dim), bias: normals(dim) }
      const x = normals(users * dim)
      const found = procrustes(x, rotate(x, truth), dim)
      expect(largestGap(found.weight, truth.weight)).toBeLessThan(1e-10)
      expect(largestGap(found.bias, truth.bias)).toBeLessThan(1e-10)
      expectOrthogonal(found)
    })

  it('is recovered where it is a reflection', () => {
    const weight = orthogonal(4)
    if (determinant(weight, 4) > 0) for (let j = 0; j < 4; j++) weight[j] = -weight[j]
    expect(determinant(weight, 4)).toBeCloseTo(-1, 12)
    const x = normals(50 * 4)
    const found = procrustes(x, rotate(x, { dim: 4, weight, bias: normals(4) }), 4)
    expect(largestGap(found.weight, weight)).toBeLessThan(1e-10)
  })
})

describe('vectors that spread further along the same directions', () => {
  it('are brought back by a scale, which no rotation does', () => {
    const [users, dim] = [300, 5]
    const truth = { dim, weight: orthogonal(dim), bias: normals(dim) }
    const x = normals(users * dim).map((value) => 30 + value)
    const y = rotate(x, { ...truth, weight: truth.weight.map((w) => w / 1.6) })
    const rotation = procrustes(x, y, dim)
    expect(largestGap(rotation.weight, truth.weight)).toBeLessThan(1e-9)
    expect(largestGap(rotate(x, rotation), y)).toBeGreaterThan(0.5)
    const scaled = withSpreadOf(x, y, rotation)
    expect(largestGap(rotate(x, scaled), y)).toBeLessThan(1e-9)
    expect(Math.hypot(...scaled.weight.subarray(0, dim))).toBeCloseTo(1 / 1.6, 9)
  })

  it('without any spread stay as they are', () => {
    const rotation = { dim: 2, weight: Float64Array.of(1, 0, 0, 1), bias: new Float64Array(2) }
    const [same, others] = [new Float64Array(8).fill(3), normals(8)]
    expect(withSpreadOf(same, others, rotation)).toEqual(rotation)
    expect(withSpreadOf(others, same, rotation)).toEqual(rotation)
  })
})

describe('with noise', () => {
  it('no turn of the plane comes closer', () => {
    for (let round = 0; round < 20; round++) {
      const [x, y] = [normals(2 * 6), normals(2 * 6)]
      const found = procrustes(x, y, 2)
      const reached = distance(rotate(x, found), y)
      let best = Number.POSITIVE_INFINITY
      // every rotation and reflection by a step of 0.01°, each with the shift that is best for it
      for (let step = 0; step < 36_000; step++) {
        const [c, s] = [Math.cos((step * Math.PI) / 18_000), Math.sin((step * Math.PI) / 18_000)]
        for (const weight of [
          [c, s, -s, c],
          [c, s, s, -c],
        ]) {
          let square = 0
          for (const j of [0, 1]) {
            let sum = 0
            let squares = 0
            for (let u = 0; u < 6; u++) {
              const gap = x[u * 2] * weight[j] + x[u * 2 + 1] * weight[2 + j] - y[u * 2 + j]
              sum += gap
              squares += gap ** 2
            }
            square += squares - sum ** 2 / 6
          }
          best = Math.min(best, Math.sqrt(square))
        }
      }
      expect(reached).toBeLessThanOrEqual(best + 1e-12)
      expect(best - reached).toBeLessThan(1e-6)
    }
  })

  it('no nearby rotation and shift comes closer, in 5 dimensions', () => {
    const [x, y] = [normals(5 * 30), normals(5 * 30)]
    const found = procrustes(x, y, 5)
    const reached = distance(rotate(x, found), y)
    for (let i = 0; i < 5; i++) {
      for (const shift of [-1e-3, 1e-3]) {
        const bias = found.bias.map((value, j) => value + (i === j ? shift : 0))
        expect(distance(rotate(x, { ...found, bias }), y)).toBeGreaterThan(reached)
      }
      for (let k = i + 1; k < 5; k++)
        for (const turn of [-1e-3, 1e-3]) {
          const weight = found.weight.slice()
          for (let row = 0; row < 5; row++) {
            const [a, b] = [weight[row * 5 + i], weight[row * 5 + k]]
            weight[row * 5 + i] = Math.cos(turn) * a - Math.sin(turn) * b
            weight[row * 5 + k] = Math.sin(turn) * a + Math.cos(turn) * b
          }
          const centre = rotate(x, { dim: 5, weight, bias: new Float64Array(5) })
          const bias = Float64Array.from({ length: 5 }, (_, j) => {
            let sum = 0
            for (let u = 0; u < 30; u++) sum += y[u * 5 + j] - centre[u * 5 + j]
            return sum / 30
          })
          expect(distance(rotate(x, { dim: 5, weight, bias }), y)).toBeGreaterThan(reached)
        }
    }
  })
})

describe('directions that the vectors do not reach', () => {
  // x lies in the first two of four dimensions, shifted; the others are constant
  const flat = () => Float64Array.from({ length: 40 * 4 }, (_, i) => (i % 4 < 2 ? random.nextNormal() : i % 4))

  it('stay where they were, or where the prior puts them', () => {
    const turn = { dim: 4, weight: Float64Array.of(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), bias: normals(4) }
    const x = flat()
    const found = procrustes(x, rotate(x, turn), 4)
    expect(largestGap(found.weight, turn.weight)).toBeLessThan(1e-10)
    expectOrthogonal(found)

    const prior = {
      dim: 4,
      weight: Float64Array.of(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0),
      bias: new Float64Array(4),
    }
    expect(largestGap(procrustes(x, rotate(x, turn), 4, prior.weight).weight, prior.weight)).toBeLessThan(1e-10)
  })

  it('make no difference to vectors that lie in planes of their own', () => {
    // x in a plane, y in another one: both singular, the map between the planes is determined
    const plane = flat()
    const truth = { dim: 4, weight: orthogonal(4), bias: normals(4) }
    const y = rotate(plane, truth)
    const found = procrustes(plane, y, 4)
    expectOrthogonal(found)
    expect(largestGap(rotate(plane, found), y)).toBeLessThan(1e-10)
  })

  it('are all there are for one user, or for vectors that are all the same', () => {
    for (const x of [normals(4), new Float64Array(4 * 9).fill(3)]) {
      const y = x.map((value) => value + 2)
      const found = procrustes(x, y, 4)
      expect(largestGap(found.weight, Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1))).toBeLessThan(
        1e-12,
      )
      expect(largestGap(rotate(x, found), y)).toBeLessThan(1e-12)
    }
  })

  it('are one a layer-normalized block, which float32 does not hide', () => {
    const [users, dim] = [300, 16]
    const x = new Float32Array(users * dim)
    for (let block = 0; block < (users * dim) / 8; block++) {
      const raw = normals(8)
      const mean = raw.reduce((a, b) => a + b) / 8
      for (let j = 0; j < 8; j++) x[block * 8 + j] = raw[j] - mean
    }
    const found = procrustes(x, x, dim)
    expectOrthogonal(found)
    expect(
      largestGap(
        found.weight,
        Float64Array.from({ length: dim * dim }, (_, i) => (i % (dim + 1) === 0 ? 1 : 0)),
      ),
    ).toBeLessThan(1e-6)
  })
})

it('refuses what no rotation can be fitted to', () => {
  for (const [x, y] of [
    [new Float64Array(0), new Float64Array(0)],
    [new Float64Array(8), new Float64Array(4)],
    [new Float64Array(6), new Float64Array(6)],
    [Float64Array.of(1, 2, Number.NaN, 4), new Float64Array(4)],
    [new Float64Array(4), Float64Array.of(1, 2, Number.POSITIVE_INFINITY, 4)],
  ])
    expect(() => procrustes(x, y, 4)).toThrow(ProcrustesError)
})
