enable subgroups;
@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { R: u32, N: u32, K: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }


fn reduceSum(value: f32, lane: u32) -> f32 { return subgroupAdd(value); }
fn reduceSum4(value: vec4f, lane: u32) -> vec4f { return subgroupAdd(value); }
fn reduceMax(value: f32, lane: u32) -> f32 { return subgroupMax(value); }

fn seen(quad: u32, length: u32) -> vec4<bool> { return quad * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(length); }
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = linearGroup(group, groups);
  if (row >= u.R) { return; }
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[row / u.K]); }
  let quads = (u.N + 3u) / 4u;
  let chunks = (quads + 15u) / 16u;
  let xAt = u.xOffset + row * u.xRow;
  let yAt = u.yOffset + row * u.yRow;
  
  var p0 = vec4f(); var g0 = vec4f(); var p1 = vec4f(); var g1 = vec4f();
  var along = vec4f();
  for (var chunk = 0u; chunk < chunks; chunk++) {
    p0 = y[yAt + min(chunk * 16u + 0u + lane, quads - 1u)]; g0 = dy[yAt + min(chunk * 16u + 0u + lane, quads - 1u)]; along += select(vec4f(), p0 * g0, seen(chunk * 16u + 0u + lane, length));
    p1 = y[yAt + min(chunk * 16u + 8u + lane, quads - 1u)]; g1 = dy[yAt + min(chunk * 16u + 8u + lane, quads - 1u)]; along += select(vec4f(), p1 * g1, seen(chunk * 16u + 8u + lane, length));
  }
  let mean = reduceSum(sum4(along), lane);
  for (var chunk = 0u; chunk < chunks; chunk++) {
    if (chunks > 1u) {
      p0 = y[yAt + min(chunk * 16u + 0u + lane, quads - 1u)]; g0 = dy[yAt + min(chunk * 16u + 0u + lane, quads - 1u)];
      p1 = y[yAt + min(chunk * 16u + 8u + lane, quads - 1u)]; g1 = dy[yAt + min(chunk * 16u + 8u + lane, quads - 1u)];
    }
    if (chunk * 16u + 0u + lane < quads) { dx[xAt + chunk * 16u + 0u + lane] = select(vec4f(), u.scale * p0 * (g0 - mean), seen(chunk * 16u + 0u + lane, length)); }
    if (chunk * 16u + 8u + lane < quads) { dx[xAt + chunk * 16u + 8u + lane] = select(vec4f(), u.scale * p1 * (g1 - mean), seen(chunk * 16u + 8u + lane, length)); }
  }
}