@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, D4: u32, bound: f32, xColumn: u32, xRow: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let r = group * 64u + lane;
  if (r >= u.R) { return; }
  let xAt = r * u.xRow + u.xColumn;
  let yAt = r * u.yRow + u.yColumn;
  var sum = vec4f();
  for (var c = 0u; c < u.D4; c++) { let v = x[xAt + c]; sum += v * v; }
  let norm = sqrt(sum.x + sum.y + sum.z + sum.w);
  let scale = select(1.0, u.bound / norm, norm > u.bound);
  for (var c = 0u; c < u.D4; c++) { y[yAt + c] = scale * x[xAt + c]; }
}