@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;
struct Uniforms { R: u32, F: u32, D4: u32, vOffset: u32, vRow: u32, yOffset: u32, yRow: u32, accumulate: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups) * 32u + lane;
  if (r >= u.R) { return; }
  let F = u.F;
  let D4 = u.D4;
  let start = u.vOffset + r * u.vRow;
  var total = vec4f();
  for (var d = 0u; d < D4; d++) {
    var sum = v[start + d];
    for (var i = 1u; i < F; i++) {
      let e = v[start + i * D4 + d];
      total += e * sum;
      sum += e;
    }
    sums[r * D4 + d] = sum;
  }
  var result = dot(total, vec4f(1.0));
  let place = u.yOffset + r * u.yRow;
  if (u.accumulate != 0u) { result += y[place]; }
  y[place] = result;
}