@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dv: array<vec4f>;
struct Uniforms { R: u32, F: u32, D4: u32, vOffset: u32, vRow: u32, yOffset: u32, yRow: u32, accumulate: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = linearGroup(group, groups) * 32u + lane;
  let D4 = u.D4;
  let r = n / D4;
  if (r >= u.R) { return; }
  let gradient = dy[u.yOffset + r * u.yRow];
  let sum = sums[n];
  let accumulate = u.accumulate != 0u;
  let start = u.vOffset + r * u.vRow + n % D4;
  let end = start + u.F * D4;
  for (var place = start; place < end; place += D4) {
    var g = gradient * (sum - v[place]);
    if (accumulate) { g += dv[place]; }
    dv[place] = g;
  }
}