import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { fuzz } from '@headwater/testkit'
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { dot, principalComponents } from './principal-components.ts'

/** Vectors of a normal distribution with these standard deviations along axes that are turned by Householder's reflection. */
function draw(seed: number, rows: number, deviations: readonly number[]): Float32Array[] {
  const random = seededRandom(seed)
  const dim = deviations.length
  const normal = Float64Array.from({ length: dim }, () => random.nextNormal())
  const square = dot(normal, normal)
  return Array.from({ length: rows }, () => {
    const straight = deviations.map((each) => each * random.nextNormal())
    const along = (2 * dot(straight, normal)) / square
    return Float32Array.from(straight, (value, d) => 3 + value - along * normal[d])
  })
}

/** All of them, from the covariance matrix as a whole. */
function reference(vectors: readonly Float32Array[]) {
  const dim = vectors[0].length
  const mean = Float64Array.from(
    { length: dim },
    (_, d) => vectors.reduce((sum, each) => sum + each[d], 0) / vectors.length,
  )
  const covariance = Float64Array.from({ length: dim * dim }, (_, at) => {
    const [i, j] = [Math.floor(at / dim), at % dim]
    return vectors.reduce((sum, each) => sum + (each[i] - mean[i]) * (each[j] - mean[j]), 0)
  })
  const whole = new EigenvalueDecomposition(Matrix.from1DArray(dim, dim, covariance), { assumeSymmetric: true })
  const values = whole.realEigenvalues.toReversed()
  const axes = [1, 2].map((last) => whole.eigenvectorMatrix.getColumn(dim - last))
  return { mean, covariance, axes, shares: values.map((value) => value / values.reduce((sum, each) => sum + each, 0)) }
}

describe('principal components', () => {
  it('are those of the whole covariance matrix, in float64', async () => {
    const shape = (random: SeededRandom) => ({ dim: 2 + random.nextBelow(40), rows: 3 + random.nextBelow(120) })
    const check = async ({ dim, rows }: ReturnType<typeof shape>, random: SeededRandom) => {
      const deviations = Array.from({ length: dim }, (_, d) => 2 / (1 + d))
      const vectors = draw(random.nextU32(), rows, deviations)
      const known = reference(vectors)
      const { mean, axes, shares } = await principalComponents(vectors)
      for (let d = 0; d < dim; d++) expect(mean[d]).toBeCloseTo(known.mean[d], 9)
      for (const i of [0, 1]) {
        expect(shares[i]).toBeCloseTo(known.shares[i], 9)
        // Close eigenvalues leave the direction open; these are not.
        if (known.shares[i] - (known.shares[i + 1] ?? 0) > 0.02)
          expect(Math.abs(dot(axes[i], known.axes[i]))).toBeCloseTo(1, 9)
        expect(dot(axes[i], axes[i])).toBeCloseTo(1, 12)
        // C·a = λ·a, whoever found it; the whole variance is the trace.
        const trace = axes[i].reduce((sum, _, d) => sum + known.covariance[d * dim + d], 0)
        for (let d = 0; d < dim; d++) {
          const row = dot(known.covariance.subarray(d * dim, (d + 1) * dim), axes[i])
          expect((row - shares[i] * trace * axes[i][d]) / trace).toBeCloseTo(0, 7)
        }
      }
      expect(dot(axes[0], axes[1])).toBeCloseTo(0, 12)
    }
    await fuzz(shape, check, { runs: 12 })
  })

  it('of points in a known plane are that plane', async () => {
    // Along e₂ with variance 50 and along e₀ with 2; nothing along e₁.
    const vectors = [
      [1, 7, 5],
      [-1, 7, 5],
      [1, 7, -5],
      [-1, 7, -5],
    ].map((each) => Float32Array.from(each))
    const { mean, axes, shares } = await principalComponents(vectors)
    expect([...mean]).toEqual([0, 7, 0])
    for (const [i, axis] of [
      [0, 0, 1],
      [1, 0, 0],
    ].entries())
      for (const [d, value] of axis.entries()) expect(axes[i][d]).toBeCloseTo(value, 9)
    expect(shares[0]).toBeCloseTo(25 / 26, 12)
    expect(shares[1]).toBeCloseTo(1 / 26, 12)
  })

  it('keep the way that the axes before point', async () => {
    const vectors = draw(5, 60, [3, 2, 1, 0.5, 0.2])
    const { axes } = await principalComponents(vectors)
    const turned = [axes[0].map((value) => -value), axes[1]] as const
    const { axes: again } = await principalComponents(vectors, turned)
    expect(dot(again[0], axes[0])).toBeCloseTo(-1, 9)
    expect(dot(again[1], axes[1])).toBeCloseTo(1, 9)
  })

  it('of vectors without variance, or of rank one, are finite and at right angles', async () => {
    const same = [1, 2, 3].map(() => Float32Array.of(4, 4, 4))
    const line = [1, 2, 3].map((at) => Float32Array.of(at, 0, 0, 2 * at))
    for (const [vectors, expected] of [
      [same, [0, 0]],
      [line, [1, 0]],
    ] as const) {
      const { axes, shares } = await principalComponents(vectors)
      for (const i of [0, 1]) expect(shares[i]).toBeCloseTo(expected[i], 9)
      expect(dot(axes[0], axes[1])).toBeCloseTo(0, 9)
      for (const axis of axes) expect(dot(axis, axis)).toBeCloseTo(1, 9)
    }
  })

  it('let others go on between slices', async () => {
    const vectors = draw(
      1,
      256,
      Array.from({ length: 192 }, (_, d) => 1 / (1 + d)),
    )
    let others = 0
    let isDone = false
    const other = () => {
      others++
      if (!isDone) setImmediate(other)
    }
    setImmediate(other)
    await principalComponents(vectors)
    isDone = true
    expect(others).toBeGreaterThan(10)
  })
})
