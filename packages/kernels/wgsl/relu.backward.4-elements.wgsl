@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { count4: u32, scale: f32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tileFirst = group * 256u;
  let tileEnd = min(tileFirst + 256u, u.count4);
  
  for (var i = tileFirst + lane; i < tileEnd; i += 64u) { dx[i] = select(vec4f(), u.scale * dy[i], y[i] > vec4f()); }
}