@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
struct Uniforms { count: u32, xOffset: u32, yOffset: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

fn floats(words: vec2u) -> vec4f {
  let h = vec4u(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
  let magnitude = h & vec4u(0x7fffu);
  let special = select(vec4u(0x38000000u), vec4u(0x70000000u), magnitude >= vec4u(0x7c00u));
  let normal = (magnitude << vec4u(13u)) + special;
  let small = bitcast<vec4u>(vec4f(magnitude) * 5.960464477539063e-8);
  let bits = select(small, normal, magnitude >= vec4u(0x400u));
  return bitcast<vec4f>(bits | ((h & vec4u(0x8000u)) << vec4u(16u)));
}
fn store(i: u32, v: vec4f) {
  if (i * 4u + 4u <= u.count) { y[u.yOffset + i] = v; return; }
  if (i * 4u >= u.count) { return; }
  y[u.yOffset + i] = select(v, vec4f(), vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) >= vec4u(u.count));
}


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tileFirst = linearGroup(group, groups) * 512u;
  let tileEnd = min(tileFirst + 512u, (u.count + 7u) / 8u);
  
  for (var i = tileFirst + lane; i < tileEnd; i += 8u) {let words = x[u.xOffset + i]; store(i * 2u, floats(words.xy)); store(i * 2u + 1u, floats(words.zw));}
}