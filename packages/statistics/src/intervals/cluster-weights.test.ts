import { expect, test } from 'vitest'
import { ClusterWeights } from './cluster-weights.ts'

/** The documented formula in exact integers, and nothing of the code under test. */
function weightOf(seed: number, way: number, draw: number, cluster: number): number {
  const word = (value: bigint) => value & 0xffffffffn
  const mix = (value: bigint) => {
    let x = word(value)
    x = word((x ^ (x >> 16n)) * 0x7feb352dn)
    x = word((x ^ (x >> 15n)) * 0x846ca68bn)
    return x ^ (x >> 16n)
  }
  const [s, w, d, c] = [seed, way, draw, cluster].map(BigInt)
  const hash = mix(mix(mix(s + w * 0x9e3779b9n) + d) + mix(c))
  return -Math.log((Number(hash >> 20n) + 0.5) / 4096)
}

test('weights are those of the formula', () => {
  const clusters = Uint32Array.of(0, 1, 7, 65_536, 2 ** 31, 2 ** 32 - 1)
  for (const seed of [0, 1, 2 ** 31 - 1])
    for (const way of [0, 1]) {
      const weights = new ClusterWeights(clusters, seed, way)
      for (const draw of [0, 1, 1999])
        expect([...weights.of(draw)]).toEqual([...clusters].map((cluster) => weightOf(seed, way, draw, cluster)))
    }
})

test('weights have mean and variance 1, and are not correlated between neighbours, draws and ways', () => {
  const clusters = Uint32Array.from({ length: 500 }, (_, c) => c)
  const [own, across] = [0, 1].map((way) => new ClusterWeights(clusters, 1, way))
  const sums = { mean: 0, square: 0, neighbour: 0, draw: 0, way: 0 }
  const draws = 2000
  let before = own.of(draws).slice()
  for (let draw = 0; draw < draws; draw++) {
    const weights = own.of(draw)
    const others = across.of(draw)
    for (let c = 0; c < 500; c++) {
      const off = weights[c] - 1
      sums.mean += off
      sums.square += off * off
      sums.neighbour += off * (weights[(c + 1) % 500] - 1)
      sums.draw += off * (before[c] - 1)
      sums.way += off * (others[c] - 1)
    }
    before = weights.slice()
  }
  const of = (sum: number) => sum / (500 * draws)
  expect(of(sums.mean)).toBeCloseTo(0, 2)
  expect(of(sums.square)).toBeCloseTo(1, 1)
  for (const name of ['neighbour', 'draw', 'way'] as const) expect(Math.abs(of(sums[name]))).toBeLessThan(0.005)
})
