@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { R: u32, F: u32, D4: u32, xOffset: u32, xRow: u32, xFeature: u32, zOffset: u32, zRow: u32, accumulate: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

var<workgroup> coefficients: array<f32, 1056>;
var<workgroup> vectors: array<vec4f, 256>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let F = u.F;
  let D4 = u.D4;
  let parts = (D4 + 7u) / 8u;
  let each = (F + 31u) / 32u * parts;
  let n = group;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = (n % each) / parts * 32u;
  let first = (n % parts) * 8u;
  let row = u.xOffset + r * u.xRow;
  let products = u.zOffset + r * u.zRow;
  let li = lane / 8u;
  let ld = lane % 8u;
  let rows = min(32u, F - tile);
  let width = min(8u, D4 - first);
  var sum: array<vec4f, 4>;
  for (var other = 0u; other < F; other += 32u) {
    let size = min(32u, F - other);
    for (var e = lane; e < rows * 32u; e += 64u) {
      let i = tile + e / 32u;
      let j = other + e % 32u;
      var g = 0.0;
      if (j < F && i != j) {
        let high = max(i, j);
        g = dz[products + high * (high - 1u) / 2u + min(i, j)];
      }
      coefficients[e / 32u * 33u + e % 32u] = g;
    }
    for (var e = lane; e < size * width; e += 64u) {
      let j = e / width;
      let d = e % width;
      vectors[j * 8u + d] = x[row + (other + j) * u.xFeature + first + d];
    }
    workgroupBarrier();
    for (var j = 0u; j < size; j++) {
      let y = vectors[j * 8u + ld];
      sum[0] += coefficients[(li + 0u) * 33u + j] * select(y, vec4f(), tile + li + 0u == other + j);
  sum[1] += coefficients[(li + 8u) * 33u + j] * select(y, vec4f(), tile + li + 8u == other + j);
  sum[2] += coefficients[(li + 16u) * 33u + j] * select(y, vec4f(), tile + li + 16u == other + j);
  sum[3] += coefficients[(li + 24u) * 33u + j] * select(y, vec4f(), tile + li + 24u == other + j);
    }
    workgroupBarrier();
  }
  if (first + ld >= D4) { return; }
  { let i = tile + li + 0u; if (i < F) { let at = row + i * u.xFeature + first + ld; if (u.accumulate != 0u) { sum[0] += dx[at]; } dx[at] = sum[0]; } }
  { let i = tile + li + 8u; if (i < F) { let at = row + i * u.xFeature + first + ld; if (u.accumulate != 0u) { sum[1] += dx[at]; } dx[at] = sum[1]; } }
  { let i = tile + li + 16u; if (i < F) { let at = row + i * u.xFeature + first + ld; if (u.accumulate != 0u) { sum[2] += dx[at]; } dx[at] = sum[2]; } }
  { let i = tile + li + 24u; if (i < F) { let at = row + i * u.xFeature + first + ld; if (u.accumulate != 0u) { sum[3] += dx[at]; } dx[at] = sum[3]; } }
}