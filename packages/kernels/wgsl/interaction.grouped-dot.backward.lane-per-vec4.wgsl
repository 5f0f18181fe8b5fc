@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dv: array<vec4f>;
struct Uniforms { R: u32, G: u32, W4: u32, zIn: u32, zOut: u32, zRow: u32, vRow: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 32u + lane;
  let width = u.G * u.W4;
  let r = n / width;
  if (r >= u.R) { return; }
  let i = n % width;
  let out = u.zOut + i / u.W4;
  let gradient = dz[r * u.zRow + out / 4u][out % 4u];
  let place = r * u.zRow + u.zIn + i;
  dz[place] += gradient * v[r * u.vRow + i];
  dv[r * u.vRow + i] = gradient * z[place];
}