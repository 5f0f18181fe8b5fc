@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
struct Uniforms { count: u32, xOffset: u32, yOffset: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

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


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tileFirst = group * 64u;
  let tileEnd = min(tileFirst + 64u, (u.count + 7u) / 8u);
  
  for (var i = tileFirst + lane; i < tileEnd; i += 64u) { y[u.yOffset + i] = vec4u(halves(floats(i * 2u)), halves(floats(i * 2u + 1u))); }
}