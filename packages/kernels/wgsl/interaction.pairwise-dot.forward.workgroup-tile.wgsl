@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
struct Uniforms { R: u32, F: u32, D4: u32, xOffset: u32, xRow: u32, xFeature: u32, zOffset: u32, zRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

var<workgroup> left: array<vec4f, 288>;
var<workgroup> right: array<vec4f, 288>;

fn triangle(t: u32) -> vec2u {
  var I = 0u;
  while ((I + 1u) * (I + 2u) / 2u <= t) { I++; }
  return vec2u(I, t - I * (I + 1u) / 2u);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let F = u.F;
  let D4 = u.D4;
  let tiles = (F + 31u) / 32u;
  let each = tiles * (tiles + 1u) / 2u;
  let n = group;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = triangle(n % each) * 32u;
  let row = u.xOffset + r * u.xRow;
  let li = lane / 8u;
  let lj = lane % 8u;
  var sum: array<array<f32, 4>, 4>;
  let rows = min(32u, F - tile.y);
  for (var first = 0u; first < D4; first += 8u) {
    let width = min(8u, D4 - first);
    for (var e = lane; e < rows * width; e += 64u) {
      let f = e / width;
      let d = e % width;
      let at = row + first + d;
      right[f * 9u + d] = x[at + (tile.y + f) * u.xFeature];
      if (tile.x + f < F) { left[f * 9u + d] = x[at + (tile.x + f) * u.xFeature]; }
    }
    workgroupBarrier();
    for (var d = 0u; d < width; d++) {
      let y0 = right[(lj + 0u) * 9u + d];
  let y1 = right[(lj + 8u) * 9u + d];
  let y2 = right[(lj + 16u) * 9u + d];
  let y3 = right[(lj + 24u) * 9u + d];
      { let e = left[(li + 0u) * 9u + d]; sum[0][0] += dot(e, y0); sum[0][1] += dot(e, y1); sum[0][2] += dot(e, y2); sum[0][3] += dot(e, y3); }
  { let e = left[(li + 8u) * 9u + d]; sum[1][0] += dot(e, y0); sum[1][1] += dot(e, y1); sum[1][2] += dot(e, y2); sum[1][3] += dot(e, y3); }
  { let e = left[(li + 16u) * 9u + d]; sum[2][0] += dot(e, y0); sum[2][1] += dot(e, y1); sum[2][2] += dot(e, y2); sum[2][3] += dot(e, y3); }
  { let e = left[(li + 24u) * 9u + d]; sum[3][0] += dot(e, y0); sum[3][1] += dot(e, y1); sum[3][2] += dot(e, y2); sum[3][3] += dot(e, y3); }
    }
    workgroupBarrier();
  }
  let to = u.zOffset + r * u.zRow;
  { let i = tile.x + li + 0u; let j = tile.y + lj + 0u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[0][0]; } }
  { let i = tile.x + li + 0u; let j = tile.y + lj + 8u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[0][1]; } }
  { let i = tile.x + li + 0u; let j = tile.y + lj + 16u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[0][2]; } }
  { let i = tile.x + li + 0u; let j = tile.y + lj + 24u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[0][3]; } }
  { let i = tile.x + li + 8u; let j = tile.y + lj + 0u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[1][0]; } }
  { let i = tile.x + li + 8u; let j = tile.y + lj + 8u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[1][1]; } }
  { let i = tile.x + li + 8u; let j = tile.y + lj + 16u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[1][2]; } }
  { let i = tile.x + li + 8u; let j = tile.y + lj + 24u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[1][3]; } }
  { let i = tile.x + li + 16u; let j = tile.y + lj + 0u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[2][0]; } }
  { let i = tile.x + li + 16u; let j = tile.y + lj + 8u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[2][1]; } }
  { let i = tile.x + li + 16u; let j = tile.y + lj + 16u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[2][2]; } }
  { let i = tile.x + li + 16u; let j = tile.y + lj + 24u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[2][3]; } }
  { let i = tile.x + li + 24u; let j = tile.y + lj + 0u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[3][0]; } }
  { let i = tile.x + li + 24u; let j = tile.y + lj + 8u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[3][1]; } }
  { let i = tile.x + li + 24u; let j = tile.y + lj + 16u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[3][2]; } }
  { let i = tile.x + li + 24u; let j = tile.y + lj + 24u; if (i < F && j < i) { z[to + i * (i - 1u) / 2u + j] = sum[3][3]; } }
}