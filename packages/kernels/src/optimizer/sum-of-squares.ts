/**
 * Σ x² over a run of any length, the first of two stages: every invocation writes one partial sum, and
 * numeric.global-norm adds the partials of several tensors, which stand side by side in one buffer.
 *   partials[partialOffset + p] = Σ x[i]² over the p-th share of x
 * A share is every eighth vec4 of a run; shares grow with x, so there are never more than {@link maxPartials} of them
 * and the grid stays small. The order of the sums is fixed. NaN stays NaN; what is too large to be squared is infinite.
 * `count` counts floats; the last vec4 may reach over it. `xOffset` counts vec4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'

type SharesShape = { count: number; xOffset: number; partialOffset: number }

const maxPartials = 16_384
const leastShare = 16
const runLanes = 8
const workgroupSize = 64

const shareOf = (count: number) => Math.max(leastShare, Math.ceil(Math.ceil(count / 4) / maxPartials))

/** Partials that a run of `count` floats takes. */
export const partialsOf = (count: number) => Math.ceil(Math.ceil(count / 4) / (shareOf(count) * runLanes)) * runLanes

/** Floats of the p-th share. */
function shareElements({ count, xOffset }: SharesShape, p: number): number[] {
  const elements: number[] = []
  const share = shareOf(count)
  for (let n = 0; n < share; n++)
    for (let lane = 0; lane < 4; lane++) {
      const at = ((Math.floor(p / 8) * share + n) * 8 + (p % 8)) * 4 + lane
      if (at < count) elements.push(xOffset * 4 + at)
    }
  return elements
}

export const sumOfSquares: Kernel<SharesShape, 'x' | 'partials', Tuning> = {
  name: 'numeric.sum-of-squares',
  bindings: { ...reads('vec4f', 'x'), ...writes('f32', 'partials') },
  uniforms: { count: 'size', xOffset: 'u32', partialOffset: 'u32' },
  tunings: [{ name: 'lane-per-share' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let count4 = (u.count + 3u) / 4u;
  let share = max(${leastShare}u, (count4 + ${maxPartials - 1}u) / ${maxPartials}u);
  let first = id.x / ${runLanes}u * ${runLanes}u * share;
  if (first >= count4) { return; }
  let end = min(first + share * ${runLanes}u, count4);
  var sum = vec4f();
  for (var i = first + id.x % ${runLanes}u; i < end; i += ${runLanes}u) {
    var v = x[u.xOffset + i];
    if (i * 4u + 4u > u.count) { v = select(v, vec4f(), vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) >= vec4u(u.count)); }
    sum += v * v;
  }
  partials[u.partialOffset + id.x] = (sum.x + sum.y) + (sum.z + sum.w);
}`,
  workgroups: ({ count }) => [Math.ceil(partialsOf(count) / workgroupSize), 1, 1],
  sizes: ({ count, xOffset, partialOffset }) => ({
    x: xOffset + Math.ceil(count / 4),
    partials: partialOffset + partialsOf(count),
  }),
  reference: (s, { x, partials }) => {
    for (let p = 0; p < partialsOf(s.count); p++)
      partials[s.partialOffset + p] = shareElements(s, p).reduce((sum, at) => sum + x[at]! ** 2, 0)
  },
  cost: ({ count }) => ({ flops: 2 * count, bytes: 4 * count + 4 * partialsOf(count) }),
  tolerance: () => ({ absolute: 1e-7, relative: 1e-5 }),
  cases: [
    { count: 1, xOffset: 0, partialOffset: 0 },
    { count: 67, xOffset: 3, partialOffset: 5 },
    { count: 4 * 8 * 16, xOffset: 0, partialOffset: 0 },
    { count: 4 * 8 * 16 + 1, xOffset: 1, partialOffset: 2 },
    // Shares larger than the least.
    { count: 4 * 16 * maxPartials + 5, xOffset: 0, partialOffset: 0 },
  ],
  draw: (between) => ({ count: between(1, 5000), xOffset: between(0, 5), partialOffset: between(0, 9) }),
  benchmarks: [
    { count: 1 << 20, xOffset: 0, partialOffset: 0 },
    { count: 1 << 22, xOffset: 0, partialOffset: 0 },
  ],
}
