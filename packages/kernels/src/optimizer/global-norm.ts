/**
 * Clipping by the global norm of a gradient (Pascanu et al. 2013), decided on the device: from P partial sums of squares
 * it writes three slots of the optimizers' `rates` (see AdamW):
 *   norm = √Σ partials,  scale = min(1, maxNorm / norm),  skip = 1 where the norm is not finite, a bad gradient
 * The partials are those of any number of tensors. A gradient too large for its squares counts as bad. The scale of a bad
 * gradient is 0. With maxNorm = 0 nothing is clipped.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { rateSlots } from './adamw.ts'

export type GlobalNormShape = { P: number; maxNorm: number }

const lanes = 256

export const globalNorm: Kernel<GlobalNormShape, 'partials' | 'rates', Tuning> = {
  name: 'numeric.global-norm',
  bindings: { ...reads('f32', 'partials'), ...writes('f32', 'rates') },
  uniforms: { P: 'size', maxNorm: 'f32' },
  tunings: [{ name: 'one-workgroup' }],
  wgsl: () => /* wgsl */ `
var<workgroup> sums: array<f32, ${lanes}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var p = lane; p < u.P; p += ${lanes}u) { sum += partials[p]; }
  sums[lane] = sum;
  workgroupBarrier();
  // Two steps of 16 rather than a tree of eight barriers.
  if (lane < 16u) { for (var i = lane + 16u; i < ${lanes}u; i += 16u) { sum += sums[i]; } }
  workgroupBarrier();
  if (lane < 16u) { sums[lane] = sum; }
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < 16u; i++) { sum += sums[i]; }
  let norm = sqrt(sum);
  let isBad = (bitcast<u32>(sum) & 0x7f800000u) == 0x7f800000u;
  let clipped = u.maxNorm > 0.0 && norm > u.maxNorm;
  rates[${rateSlots.gradientNorm}] = norm;
  rates[${rateSlots.gradientScale}] = select(select(1.0, u.maxNorm / norm, clipped), 0.0, isBad);
  rates[${rateSlots.skip}] = select(0.0, 1.0, isBad);
}`,
  workgroups: () => [1, 1, 1],
  sizes: ({ P }) => ({ partials: P, rates: 8 }),
  reference: ({ P, maxNorm }, { partials, rates }) => {
    let sum = 0
    for (let p = 0; p < P; p++) sum += partials[p]!
    const norm = Math.sqrt(sum)
    const bad = !Number.isFinite(norm)
    rates[7] = norm
    rates[5] = bad ? 0 : maxNorm > 0 ? Math.min(1, maxNorm / norm) : 1
    rates[6] = bad ? 1 : 0
  },
  cost: ({ P }) => ({ flops: P, bytes: P * 4 + 12 }),
  tolerance: () => ({ absolute: 0, relative: 1e-5 }),
  cases: [
    { P: 1, maxNorm: 0.1 },
    { P: 257, maxNorm: 3 },
    { P: 1000, maxNorm: 0 },
    { P: 16_391, maxNorm: 1000 },
  ],
  draw: (between) => ({ P: between(1, 3000), maxNorm: between(0, 50) }),
  benchmarks: [{ P: 16_384, maxNorm: 1 }],
  example: ({ P }, random) => ({ partials: uniform(P, random).map(Math.abs) }),
}
