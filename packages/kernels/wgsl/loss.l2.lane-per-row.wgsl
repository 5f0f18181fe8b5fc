@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> rowWeights: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { R: u32, W4: u32, xOffset: u32, xRow: u32, lambda: f32, scale: f32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }


@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups) * 32u + lane;
  if (r >= u.R) { return; }
  let slope = rowWeights[r] * u.lambda * u.scale;
  let start = u.xOffset + r * u.xRow;
  let end = start + u.W4;
  var squares = vec4f();
  for (var i = start; i < end; i += 1u) {
    let e = x[i];
    squares += e * e;
    dx[i] += slope * e;
  }
  
  loss[r] = 0.5 * u.lambda * dot(squares, vec4f(1.0));
}