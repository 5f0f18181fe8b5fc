/** Lanes of a workgroup that sums together. */
export const groupLanes = 64

/** `groupSum(lane, value)`: the sum over a workgroup of 64 lanes, in a fixed order; for uniform control flow. */
export const groupSumWgsl = /* wgsl */ `
var<workgroup> parts: array<vec4f, ${groupLanes}>;
fn groupSum(lane: u32, value: vec4f) -> vec4f {
  parts[lane] = value;
  for (var half = ${groupLanes / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] += parts[lane + half]; }
  }
  workgroupBarrier();
  let sum = parts[0];
  workgroupBarrier();
  return sum;
}
`
