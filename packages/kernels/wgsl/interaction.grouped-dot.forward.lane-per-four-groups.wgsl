@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> z: array<vec4f>;
struct Uniforms { R: u32, G: u32, W4: u32, zIn: u32, zOut: u32, zRow: u32, vRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

fn product(r: u32, g: u32) -> f32 {
  if (g >= u.G) { return 0.0; }
  let left = r * u.zRow + u.zIn + g * u.W4;
  let right = r * u.vRow + g * u.W4;
  let W4 = u.W4;
  var sum = vec4f();
  for (var i = 0u; i < W4; i++) { sum += z[left + i] * v[right + i]; }
  return dot(sum, vec4f(1.0));
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 32u + lane;
  let quads = (u.G + 3u) / 4u;
  let r = n / quads;
  if (r >= u.R) { return; }
  let g = (n % quads) * 4u;
  z[r * u.zRow + u.zOut / 4u + g / 4u] = vec4f(product(r, g), product(r, g + 1u), product(r, g + 2u), product(r, g + 3u));
}