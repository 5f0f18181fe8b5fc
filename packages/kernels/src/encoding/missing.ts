/**
 * NaN marks a missing value. It is told by its bits: WGSL lets a compiler assume that x == x.
 * `isMissing(f32)` and `areMissing(vec4f)`.
 */
export const missingWgsl = /* wgsl */ `
fn isMissing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn areMissing(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }
`

/** Example features, about one in seven missing. */
export function featuresWithGaps(length: number, random: () => number): Float32Array {
  return Float32Array.from({ length }, () => (random() < 1 / 7 ? Number.NaN : (random() * 2 - 1) * 3))
}
