import { seededRandom } from '@headwater/statistics'
import { expect, test } from 'vitest'
import { linearCka } from './cka.ts'
import { principalPlane } from './principal-plane.ts'

const random = seededRandom(1)
const normals = (count: number) => Float32Array.from({ length: count }, () => random.nextNormal())

test('CKA is 1 of rotated, scaled and moved vectors, and small of unrelated ones', () => {
  const x = normals(2000 * 3)
  const rotated = new Float32Array(x.length)
  for (let i = 0; i < x.length; i += 3) {
    // Axes are exchanged and one of them turned round: an orthogonal map.
    rotated.set([2 * x[i + 1] + 5, -2 * x[i] - 1, 2 * x[i + 2]], i)
  }
  expect(linearCka(x, rotated, 3)).toBeCloseTo(1, 5)
  expect(linearCka(x, normals(x.length), 3)).toBeLessThan(0.01)
})

test('CKA of two coordinates of which one is shared is that of its closed form', () => {
  // X = (a, b), Y = (a, c), all independent of variance 1: ‖X'Y‖² = 1, ‖X'X‖ = ‖Y'Y‖ = √2.
  const [a, b, c] = [normals(20_000), normals(20_000), normals(20_000)]
  const x = Float32Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? a[i >> 1] : b[i >> 1]))
  const y = Float32Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? a[i >> 1] : c[i >> 1]))
  expect(linearCka(x, y, 2)).toBeCloseTo(0.5, 1)
})

test('the principal plane is the one that was planted', () => {
  const along = [0.6, 0, 0.8, 0]
  const across = [0, 1, 0, 0]
  const places = Array.from({ length: 500 }, () => [10 * random.nextNormal(), 3 * random.nextNormal()])
  const vectors = Float32Array.from(
    places.flatMap(([p, q]) => along.map((value, d) => 7 + p * value + q * across[d] + 0.01 * random.nextNormal())),
  )
  const found = principalPlane(vectors, 4)
  const mean = [0, 1].map((k) => places.reduce((sum, place) => sum + place[k], 0) / places.length)
  const signs = [0, 1].map((k) => Math.sign(found[k] * (places[0][k] - mean[k])))
  for (const [i, place] of places.entries())
    for (const k of [0, 1]) expect(Math.abs(signs[k] * found[2 * i + k] - (place[k] - mean[k]))).toBeLessThan(0.5)
})
