/**
 * How many NaN and how many infinities a run holds, in two stages as {@link sumOfSquares}: numeric.count-nonfinite writes
 * a pair of counts for every share, numeric.total-counts adds the pairs of any number of tensors.
 *   counts[countOffset + p] = (NaN, infinities) of the p-th share of x
 * Values are told apart by their bits, since compilers may assume that there is no NaN. `count` counts floats, `xOffset`
 * vec4, `countOffset` and Q pairs.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { integers, uniform } from '../case-arrays.ts'
import {
  drawShares,
  partialsOf,
  type SharesShape,
  shareElements,
  sharesCases,
  sharesGroups,
  sharesWgsl,
} from './sum-of-squares.ts'

export type CountNonfiniteShape = { count: number; xOffset: number; countOffset: number }

const sharesOf = ({ count, xOffset, countOffset }: CountNonfiniteShape): SharesShape => ({
  count,
  xOffset,
  partialOffset: countOffset,
})
const fromShares = ({ count, xOffset, partialOffset }: SharesShape): CountNonfiniteShape => ({
  count,
  xOffset,
  countOffset: partialOffset,
})

export const countNonfinite: Kernel<CountNonfiniteShape, 'x' | 'counts', Tuning> = {
  name: 'numeric.count-nonfinite',
  bindings: { x: { type: 'vec4f', access: 'read' }, counts: { type: 'u32', access: 'read_write' } },
  uniforms: { count: 'size', xOffset: 'u32', countOffset: 'u32' },
  tunings: [{ name: 'lane-per-share' }],
  wgsl: () =>
    sharesWgsl(
      'var nan = vec4u(); var infinite = vec4u();',
      /* wgsl */ `let magnitude = bitcast<vec4u>(v) & vec4u(0x7fffffffu);
    nan += select(vec4u(), vec4u(1u), magnitude > vec4u(0x7f800000u));
    infinite += select(vec4u(), vec4u(1u), magnitude == vec4u(0x7f800000u));`,
      /* wgsl */ `let at = (u.countOffset + id.x) * 2u;
  counts[at] = nan.x + nan.y + nan.z + nan.w;
  counts[at + 1u] = infinite.x + infinite.y + infinite.z + infinite.w;`,
    ),
  workgroups: (s) => sharesGroups(sharesOf(s)),
  sizes: ({ count, xOffset, countOffset }) => ({
    x: xOffset + Math.ceil(count / 4),
    counts: (countOffset + partialsOf(count)) * 2,
  }),
  reference: (s, { x, counts }) => {
    for (let p = 0; p < partialsOf(s.count); p++) {
      const elements = shareElements(sharesOf(s), p).map((at) => x[at]!)
      counts[(s.countOffset + p) * 2] = elements.filter(Number.isNaN).length
      counts[(s.countOffset + p) * 2 + 1] = elements.filter((v) => Math.abs(v) === Number.POSITIVE_INFINITY).length
    }
  },
  cost: ({ count }) => ({ flops: 0, bytes: 4 * count + 8 * partialsOf(count) }),
  tolerance: () => ({ absolute: 0, relative: 0 }),
  cases: sharesCases.map(fromShares),
  draw: (between) => fromShares(drawShares(between)),
  benchmarks: [{ count: 1 << 22, xOffset: 0, countOffset: 0 }],
  example: ({ count, xOffset, countOffset }, random) => ({
    // One value in eight is NaN, infinite, or the largest that is neither.
    x: uniform((xOffset + Math.ceil(count / 4)) * 4, random).map((v) =>
      v < 0.75 ? v : v < 0.82 ? Number.NaN : v < 0.88 ? Infinity : v < 0.94 ? -Infinity : 3.4028234663852886e38,
    ),
    counts: integers((countOffset + partialsOf(count)) * 2, 100, random),
  }),
}

export type TotalCountsShape = { Q: number }

const lanes = 256

/** total = Σ over Q pairs of counts: NaN, infinities. */
export const totalCounts: Kernel<TotalCountsShape, 'counts' | 'total', Tuning> = {
  name: 'numeric.total-counts',
  bindings: { counts: { type: 'u32', access: 'read' }, total: { type: 'u32', access: 'read_write' } },
  uniforms: { Q: 'size' },
  tunings: [{ name: 'one-workgroup' }],
  wgsl: () => /* wgsl */ `
var<workgroup> nan: atomic<u32>;
var<workgroup> infinite: atomic<u32>;
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2u();
  for (var q = lane; q < u.Q; q += ${lanes}u) { sum += vec2u(counts[q * 2u], counts[q * 2u + 1u]); }
  atomicAdd(&nan, sum.x);
  atomicAdd(&infinite, sum.y);
  workgroupBarrier();
  if (lane == 0u) { total[0] = atomicLoad(&nan); total[1] = atomicLoad(&infinite); }
}`,
  workgroups: () => [1, 1, 1],
  sizes: ({ Q }) => ({ counts: Q * 2, total: 2 }),
  reference: ({ Q }, { counts, total }) => {
    total.fill(0)
    for (let i = 0; i < Q * 2; i++) total[i % 2]! += counts[i]!
  },
  cost: ({ Q }) => ({ flops: 0, bytes: Q * 8 + 8 }),
  tolerance: () => ({ absolute: 0, relative: 0 }),
  cases: [{ Q: 1 }, { Q: 255 }, { Q: 257 }, { Q: 20_011 }],
  draw: (between) => ({ Q: between(1, 3000) }),
  benchmarks: [{ Q: 16_384 }],
  example: ({ Q }, random) => ({ counts: integers(Q * 2, 1000, random), total: integers(2, 9, random) }),
}
