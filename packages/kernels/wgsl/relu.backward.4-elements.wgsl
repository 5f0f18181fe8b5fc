@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { count4: u32, scale: f32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let start = linearGroup(group, groups) * 256u;
  let end = min(u.count4, start + 256u);
  for (var i = start + local; i < end; i += 64u) { dx[i] = select(vec4f(), u.scale * dy[i], y[i] > vec4f()); }
}