import { expect, test } from 'vitest'
import { gaussHermite } from './gauss-hermite.ts'

test('two and three nodes are the published ones', () => {
  expect([...gaussHermite(2).x].sort()).toEqual([expect.closeTo(-1, 12), expect.closeTo(1, 12)])
  const three = gaussHermite(3)
  expect([...three.x]).toEqual([Math.sqrt(3), 0, -Math.sqrt(3)].map((x) => expect.closeTo(x, 12)))
  expect([...three.w]).toEqual([1 / 6, 2 / 3, 1 / 6].map((w) => expect.closeTo(w, 12)))
})

test.each([1, 2, 5, 20, 31])('%i nodes give the moments of a standard normal up to degree 2n − 1', (nodes) => {
  const { x, w } = gaussHermite(nodes)
  let moment = 1
  for (let degree = 0; degree < Math.min(2 * nodes, 24); degree++) {
    const found = x.reduce((sum, node, i) => sum + w[i] * node ** degree, 0)
    if (degree % 2 === 1) expect(Math.abs(found)).toBeLessThan(1e-9 * moment)
    else {
      // (degree − 1)!!
      moment *= Math.max(degree - 1, 1)
      expect(found / moment).toBeCloseTo(1, 9)
    }
  }
})
