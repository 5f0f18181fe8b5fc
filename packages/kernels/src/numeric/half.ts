/**
 * fp32 ↔ fp16, exactly as IEEE 754 says: round to nearest, ties to even, subnormals kept, overflow to infinity. NaN
 * becomes the one NaN 0x7e00. It is done in integers because WGSL leaves pack2x16float's rounding, range and subnormals
 * to the implementation.
 * Two halves lie in a u32, the first in the low bits. `count` counts floats; of the last vec4 (of 8 halves, of 4 floats)
 * the rest becomes zero. `xOffset` and `yOffset` count vec4 of their own buffer, 8 halves or 4 floats.
 * An affine alignment before packing (x · A + b over joint vectors) is a matmul with bias followed by pack-half: packing
 * moves 6 bytes a value where the product has hundreds of flops, so fusing them gains nothing that can be measured.
 */
import { floatToHalf } from '@headwater/binary16'
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { type TileTuning, tileGroups, tileLoop, tileTunings } from './tile-loop.ts'

export type HalfShape = { count: number; xOffset: number; yOffset: number }

const cases: readonly HalfShape[] = [
  { count: 1, xOffset: 0, yOffset: 0 },
  { count: 67, xOffset: 2, yOffset: 3 },
  { count: 4093, xOffset: 0, yOffset: 1 },
  { count: 4096, xOffset: 0, yOffset: 0 },
]

const draw = (between: (low: number, high: number) => number): HalfShape => ({
  count: between(1, 9000),
  xOffset: between(0, 4),
  yOffset: between(0, 4),
})

const benchmarks: readonly HalfShape[] = [
  { count: 1 << 20, xOffset: 0, yOffset: 0 },
  { count: 1 << 22, xOffset: 0, yOffset: 0 },
]

export const packHalf: Kernel<HalfShape, 'x' | 'y', TileTuning> = {
  name: 'numeric.pack-half',
  bindings: { ...reads('vec4f', 'x'), ...writes('vec4u', 'y') },
  uniforms: { count: 'size', xOffset: 'u32', yOffset: 'u32' },
  tunings: tileTunings,
  wgsl: (tuning) => /* wgsl */ `
fn halves(x: vec4f) -> vec2u {
  let bits = bitcast<vec4u>(x);
  let magnitude = bits & vec4u(0x7fffffffu);
  // From 2^-14 on: the exponent moves from bias 127 to 15, and 13 bits are rounded off; a carry may reach infinity.
  let odd = (magnitude >> vec4u(13u)) & vec4u(1u);
  let normal = min((magnitude + vec4u(0xc8000fffu) + odd) >> vec4u(13u), vec4u(0x7c00u));
  // Below: whole multiples of 2^-24, and none of them under half of one.
  let shift = min(vec4u(126u) - min(magnitude >> vec4u(23u), vec4u(112u)), vec4u(25u));
  let significand = (magnitude & vec4u(0x7fffffu)) | vec4u(0x800000u);
  let small = (significand + (vec4u(1u) << (shift - vec4u(1u))) - vec4u(1u) + ((significand >> shift) & vec4u(1u))) >> shift;
  let signed = select(small, normal, magnitude >= vec4u(0x38800000u)) | ((bits >> vec4u(16u)) & vec4u(0x8000u));
  let h = select(signed, vec4u(0x7e00u), magnitude > vec4u(0x7f800000u));
  return h.xz | (h.yw << vec2u(16u));
}
fn floats(i: u32) -> vec4f {
  if (i * 4u >= u.count) { return vec4f(); }
  let v = x[u.xOffset + i];
  if (i * 4u + 4u <= u.count) { return v; }
  return select(v, vec4f(), vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) >= vec4u(u.count));
}
${tileLoop(tuning, '', 'y[u.yOffset + i] = vec4u(halves(floats(i * 2u)), halves(floats(i * 2u + 1u)));', '(u.count + 7u) / 8u')}`,
  workgroups: ({ count }, tuning) => tileGroups({ count4: Math.ceil(count / 8) }, tuning),
  sizes: (s) => ({ x: s.xOffset + Math.ceil(s.count / 4), y: s.yOffset + Math.ceil(s.count / 8) }),
  reference: (s, { x, y }) => {
    y.fill(0, s.yOffset * 4, (s.yOffset + Math.ceil(s.count / 8)) * 4)
    for (let i = 0; i < s.count; i++)
      y[s.yOffset * 4 + Math.floor(i / 2)]! += floatToHalf(x[s.xOffset * 4 + i]!) * (i % 2 === 0 ? 1 : 65_536)
  },
  cost: ({ count }) => ({ flops: 0, bytes: count * 6 }),
  tolerance: () => ({ absolute: 0, relative: 0 }),
  cases,
  draw,
  benchmarks,
  example: (s, random) => ({
    // Every magnitude that matters, and ties: 12 bits after the leading one.
    x: Float32Array.from({ length: (s.xOffset + Math.ceil(s.count / 4)) * 4 }, () => {
      const sign = random() < 0.5 ? -1 : 1
      const significand = random() < 0.3 ? 1 + Math.floor(random() * 4096) / 4096 : 1 + random()
      return sign * significand * 2 ** (Math.floor(random() * 45) - 27)
    }),
  }),
}
