@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> q: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
struct Uniforms { R: u32, K: u32, xOffset: u32, xRow: u32, qOffset: u32, qRow: u32, scaleOffset: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

fn magnitudes(first: u32, i: u32) -> vec4u {
  let bits = bitcast<vec4u>(x[first + i]) & vec4u(0x7fffffffu);
  return select(vec4u(), bits, vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.K));
}
fn bytes(first: u32, i: u32, inverse: f32) -> u32 {
  let value = x[first + min(i, (u.K - 1u) / 4u)] * inverse;
  let inside = (vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.K)) & vec4<bool>(inverse > 0.0);
  // In 1.5 · 2²³ + q the last bits are those of q, rounded as a sum of floats is: to nearest, ties to even.
  let bits = select(vec4u(), bitcast<vec4u>(value + 12582912.0) & vec4u(255u), inside);
  return bits.x | (bits.y << 8u) | (bits.z << 16u) | (bits.w << 24u);
}
@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  
) {
  {
    let index = linearGroup(group, groups) * 32u + local;
    let row = min(index, u.R - 1u);
    let first = u.xOffset + row * u.xRow;
    
  var largest = vec4u();
  for (var i = 0u; i < (u.K + 3u) / 4u; i += 1u) { largest = max(largest, magnitudes(first, i)); }
  var top = max(max(largest.x, largest.y), max(largest.z, largest.w));

    
    if (index < u.R) {
      
  let finite = top < 0x7f800000u;
  let counts = finite && top >= 0x03800000u;
  let inverse = select(0.0, 127.0 * (1.0 / bitcast<f32>(top)), counts);
  for (var i = 0u; i < (u.K + 15u) / 16u; i += 1u) {
    q[u.qOffset + row * u.qRow + i] = vec4u(
      bytes(first, i * 4u, inverse), bytes(first, i * 4u + 1u, inverse),
      bytes(first, i * 4u + 2u, inverse), bytes(first, i * 4u + 3u, inverse));
  }
  // Not a constant, which may not be NaN.
  let nan = bitcast<f32>(0x7fc00000u | (u.R & 1u));
  let size = select(nan, select(0.0, bitcast<f32>(top) * 0.007874015748031496, counts), finite);
  if (0u == 0u) { scale[u.scaleOffset + row] = size; }

    }
  }
}