@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;
struct Uniforms { R: u32, F: u32, D4: u32, vOffset: u32, vRow: u32, yOffset: u32, yRow: u32, accumulate: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

var<workgroup> partSums: array<vec4f, 64>;
var<workgroup> partPairs: array<vec4f, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups);
  if (r >= u.R) { return; }
  let F = u.F;
  let D4 = u.D4;
  let start = u.vOffset + r * u.vRow;
  let width = min(D4, 64u);
  let slots = min(64u / width, F);
  let slot = lane / width;
  var total = vec4f();
  for (var first = 0u; first < D4; first += width) {
    let d = first + lane % width;
    var sum = vec4f();
    var pairs = vec4f();
    if (slot < slots && d < D4) {
      sum = v[start + slot * D4 + d];
      for (var i = slot + slots; i < F; i += slots) {
        let e = v[start + i * D4 + d];
        pairs += e * sum;
        sum += e;
      }
    }
    partSums[lane] = sum;
    partPairs[lane] = pairs;
    workgroupBarrier();
    if (lane < width && d < D4) {
      for (var k = 1u; k < slots; k++) {
        pairs += partPairs[k * width + lane] + sum * partSums[k * width + lane];
        sum += partSums[k * width + lane];
      }
      sums[r * D4 + d] = sum;
      total += pairs;
    }
    workgroupBarrier();
  }
  partPairs[lane] = total;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var k = 1u; k < width; k++) { total += partPairs[k]; }
  var result = dot(total, vec4f(1.0));
  let place = u.yOffset + r * u.yRow;
  if (u.accumulate != 0u) { result += y[place]; }
  y[place] = result;
}