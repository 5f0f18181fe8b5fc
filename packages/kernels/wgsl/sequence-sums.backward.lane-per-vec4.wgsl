@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> sources: array<u32>;
@group(0) @binding(2) var<storage, read> channels: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;
struct Uniforms { N: u32, L: u32, C: u32, W: u32, D4: u32, first: u32, gColumn: u32, gRow: u32, scale: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.D4 + 0u) / 1u;
  let task = group * 64u + lane;
  let chunk = task / blocks;
  if (chunk >= u.N) { return; }
  let end = starts[chunk + 1u];
  var i = starts[chunk];
  if (i == end) { return; }
  let column = task % blocks * 1u;
  var sum0 = vec4f();
  for (; i < end; i++) {
    let event = sources[i];
    let at = event * u.C + u.first;
    let origin = event / u.L * u.gRow + u.gColumn + column;
    for (var w = 0u; w < u.W; w++) {
      let weight = channels[at + w];
      let start = origin + w * u.D4;
      sum0 += weight * gradient[start + 0u];
    }
  }
  partials[chunk * u.D4 + column + 0u] = u.scale * sum0;
}