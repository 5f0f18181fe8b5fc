enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, N: u32, K: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


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
  
  var v0 = vec4f(); var v1 = vec4f();
  var top = -3.4e38;
  var total = 0.0;
  for (var chunk = 0u; chunk < chunks; chunk++) {
    var largest = vec4f(top);
    v0 = x[xAt + min(chunk * 16u + 0u + lane, quads - 1u)] * u.scale; largest = select(largest, v0, seen(chunk * 16u + 0u + lane, length) & (v0 > largest));
    v1 = x[xAt + min(chunk * 16u + 8u + lane, quads - 1u)] * u.scale; largest = select(largest, v1, seen(chunk * 16u + 8u + lane, length) & (v1 > largest));
    let next = max(max(largest.x, largest.y), max(largest.z, largest.w));
    var sum = vec4f();
    v0 = select(vec4f(), exp(v0 - next), seen(chunk * 16u + 0u + lane, length)); sum += v0;
    v1 = select(vec4f(), exp(v1 - next), seen(chunk * 16u + 8u + lane, length)); sum += v1;
    total = total * exp(top - next) + sum4(sum);
    top = next;
  }
  let rowTop = reduceMax(top, lane);
  let share = exp(top - rowTop);
  let factor = share / reduceSum(total * share, lane);
  for (var chunk = 0u; chunk < chunks; chunk++) {
    if (chunks > 1u) {
      v0 = exp(x[xAt + min(chunk * 16u + 0u + lane, quads - 1u)] * u.scale - top);
      v1 = exp(x[xAt + min(chunk * 16u + 8u + lane, quads - 1u)] * u.scale - top);
    }
    if (chunk * 16u + 0u + lane < quads) { y[yAt + chunk * 16u + 0u + lane] = select(vec4f(), v0 * factor, seen(chunk * 16u + 0u + lane, length)); }
    if (chunk * 16u + 8u + lane < quads) { y[yAt + chunk * 16u + 8u + lane] = select(vec4f(), v1 * factor, seen(chunk * 16u + 8u + lane, length)); }
  }
}