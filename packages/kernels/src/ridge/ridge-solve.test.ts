import type { Arrays, ReferenceArrays, Tuning } from '@headwater/gpu'
import { seededRandom } from '@headwater/statistics'
import { describe, expect } from 'vitest'
import { runKernel, widen } from '../testing/run-kernel.ts'
import { itRuns, useDevice } from '../testing/test-device.ts'
import { normalEquations, type RidgeInputs, ridgeInputSizes } from './ridge-shape.ts'
import { type RidgeSolveShape, ridgeSolve } from './ridge-solve.ts'

const device = useDevice('ridge regressions')
const random = seededRandom(5)
const normals = (count: number, deviation = 1) =>
  Float32Array.from({ length: count }, () => random.nextNormal() * deviation)

/** Events of weight 1 with normal vectors, residuals 0 and penalties 1. */
function arraysOf(s: RidgeSolveShape, lengths: readonly number[]): Arrays & { readonly [name: string]: Float32Array } {
  const sizes = ridgeInputSizes(s)
  const quads = s.R * s.H * (s.D4 + 1)
  return {
    vectors: normals(sizes.vectors * 4),
    signals: Float32Array.from({ length: sizes.signals * 4 }, (_, i) => (i % 8 < 4 ? 1 : 0)),
    lengths: Uint32Array.from(lengths),
    ridge: new Float32Array(sizes.ridge * 4),
    rhs: new Float32Array(4),
    y: new Float32Array(quads * 4).fill(Number.NaN),
  } as never
}

describe.each(ridgeSolve.tunings.map((tuning: Tuning) => [tuning.name, tuning] as const))('%s', (_, tuning) => {
  const solve = async (s: RidgeSolveShape, arrays: Arrays) =>
    (await runKernel(device(), ridgeSolve, tuning, s, arrays)).y as Float32Array

  itRuns(
    device,
    'a row without events has coefficients of 0, one with an event the closed form',
    ridgeSolve,
    tuning,
    async () => {
      const s = { R: 3, L: 2, H: 1, D4: 5, given: 0, yOffset: 0 }
      const arrays = arraysOf(s, [0, 1, 0])
      arrays.ridge.set(normals(s.D4 * 4 + 1))
      const [weight, residual] = [0.7, -1.3]
      arrays.signals[s.L * 8] = weight
      arrays.signals[s.L * 8 + 4] = residual
      const y = await solve(s, arrays)
      const width = (s.D4 + 1) * 4
      expect([...y.subarray(0, width), ...y.subarray(2 * width)]).toEqual(new Array(2 * width).fill(0))
      // Sherman and Morrison: m = w ρ Λ⁻¹φ ÷ (1 + w φᵀΛ⁻¹φ)
      const phi = [...arrays.vectors.subarray(s.L * s.D4 * 4, s.L * s.D4 * 4 + s.D4 * 4), 1]
      const shrunk = phi.map((x, i) => x / Math.exp(arrays.ridge[i]))
      const along = phi.reduce((sum, x, i) => sum + x * shrunk[i], 0)
      for (const [i, x] of shrunk.entries())
        expect(y[width + i], `coefficient ${i}`).toBeCloseTo((weight * residual * x) / (1 + weight * along), 5)
    },
  )

  itRuns(device, 'with hardly a penalty the residuals’ own coefficients come back', ridgeSolve, tuning, async () => {
    const s = { R: 1, L: 400, H: 2, D4: 8, given: 0, yOffset: 0 }
    const arrays = arraysOf(s, [400])
    arrays.ridge.fill(-14)
    const wanted = [normals(33), normals(33)]
    for (let l = 0; l < s.L; l++)
      for (const [h, m] of wanted.entries())
        arrays.signals[l * 8 + 4 + h] = m.reduce((sum, c, i) => sum + c * (i < 32 ? arrays.vectors[l * 32 + i] : 1), 0)
    const y = await solve(s, arrays)
    for (const [h, m] of wanted.entries())
      for (const [i, c] of m.entries()) expect(Math.abs(y[h * 36 + i] - c), `head ${h}, ${i}`).toBeLessThan(2e-5)
  })

  // No method in float32 has the digits of A⁻¹ then, but b must come out of A times the solution.
  itRuns(device, 'ill-conditioned rows have coefficients that solve their equations', ridgeSolve, tuning, async () => {
    const s = { R: 2, L: 1024, H: 1, D4: 16, given: 0, yOffset: 0 }
    const arrays = arraysOf(s, [1024, 40])
    arrays.ridge.fill(-9)
    // Vectors along a few directions but for a thousandth, far off the origin.
    const directions = normals(3 * 64)
    const places = normals(s.R * s.L * 3)
    for (const [i, noise] of arrays.vectors.entries()) {
      const event = Math.floor(i / 64)
      arrays.vectors[i] = 1 + 1e-3 * noise
      for (let k = 0; k < 3; k++) arrays.vectors[i] += places[event * 3 + k] * directions[k * 64 + (i % 64)]
      arrays.signals[event * 8 + 4] = places[event * 3]
    }
    const y = await solve(s, arrays)
    for (let r = 0; r < s.R; r++) {
      const { A, b } = normalEquations(s, widen(arrays) as ReferenceArrays<RidgeInputs>, r, 0)
      const m = y.subarray(r * 68, r * 68 + 65)
      const size = Math.hypot(...A.flat()) * Math.hypot(...m) + Math.hypot(...b)
      const missed = A.map((row, i) => row.reduce((sum, a, j) => sum + a * m[j], -b[i]))
      // Sums of L terms, and the elimination of 65 unknowns, each rounded to 24 bits.
      expect(Math.hypot(...missed) / size, `row ${r}`).toBeLessThan((s.L + 65) * 2 ** -24)
    }
  })
})
