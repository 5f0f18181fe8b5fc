@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
struct Uniforms { R: u32, F: u32, D4: u32, xOffset: u32, xRow: u32, xFeature: u32, zOffset: u32, zRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;


fn triangle(t: u32) -> vec2u {
  var I = 0u;
  while ((I + 1u) * (I + 2u) / 2u <= t) { I++; }
  return vec2u(I, t - I * (I + 1u) / 2u);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 32u + lane;
  let F = u.F;
  let D4 = u.D4;
  let tiles = (F + 3u) / 4u;
  let each = tiles * (tiles + 1u) / 2u;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = triangle(n % each) * 4u;
  let row = u.xOffset + r * u.xRow;
  let a0 = row + min(tile.x + 0u, F - 1u) * u.xFeature;
  let a1 = row + min(tile.x + 1u, F - 1u) * u.xFeature;
  let a2 = row + min(tile.x + 2u, F - 1u) * u.xFeature;
  let a3 = row + min(tile.x + 3u, F - 1u) * u.xFeature;
  let b0 = row + min(tile.y + 0u, F - 1u) * u.xFeature;
  let b1 = row + min(tile.y + 1u, F - 1u) * u.xFeature;
  let b2 = row + min(tile.y + 2u, F - 1u) * u.xFeature;
  let b3 = row + min(tile.y + 3u, F - 1u) * u.xFeature;
  var s0_0 = 0.0;
  var s0_1 = 0.0;
  var s0_2 = 0.0;
  var s0_3 = 0.0;
  var s1_0 = 0.0;
  var s1_1 = 0.0;
  var s1_2 = 0.0;
  var s1_3 = 0.0;
  var s2_0 = 0.0;
  var s2_1 = 0.0;
  var s2_2 = 0.0;
  var s2_3 = 0.0;
  var s3_0 = 0.0;
  var s3_1 = 0.0;
  var s3_2 = 0.0;
  var s3_3 = 0.0;
  for (var d = 0u; d < D4; d++) {
    let y0 = x[b0 + d];
  let y1 = x[b1 + d];
  let y2 = x[b2 + d];
  let y3 = x[b3 + d];
    { let e = x[a0 + d]; s0_0 += dot(e, y0); s0_1 += dot(e, y1); s0_2 += dot(e, y2); s0_3 += dot(e, y3); }
  { let e = x[a1 + d]; s1_0 += dot(e, y0); s1_1 += dot(e, y1); s1_2 += dot(e, y2); s1_3 += dot(e, y3); }
  { let e = x[a2 + d]; s2_0 += dot(e, y0); s2_1 += dot(e, y1); s2_2 += dot(e, y2); s2_3 += dot(e, y3); }
  { let e = x[a3 + d]; s3_0 += dot(e, y0); s3_1 += dot(e, y1); s3_2 += dot(e, y2); s3_3 += dot(e, y3); }
  }
  let to = u.zOffset + r * u.zRow;
  { let i = tile.x + 0u; if (i < F) { let at = to + i * (i - 1u) / 2u + tile.y; if (tile.y + 0u < i) { z[at + 0u] = s0_0; } if (tile.y + 1u < i) { z[at + 1u] = s0_1; } if (tile.y + 2u < i) { z[at + 2u] = s0_2; } if (tile.y + 3u < i) { z[at + 3u] = s0_3; } } }
  { let i = tile.x + 1u; if (i < F) { let at = to + i * (i - 1u) / 2u + tile.y; if (tile.y + 0u < i) { z[at + 0u] = s1_0; } if (tile.y + 1u < i) { z[at + 1u] = s1_1; } if (tile.y + 2u < i) { z[at + 2u] = s1_2; } if (tile.y + 3u < i) { z[at + 3u] = s1_3; } } }
  { let i = tile.x + 2u; if (i < F) { let at = to + i * (i - 1u) / 2u + tile.y; if (tile.y + 0u < i) { z[at + 0u] = s2_0; } if (tile.y + 1u < i) { z[at + 1u] = s2_1; } if (tile.y + 2u < i) { z[at + 2u] = s2_2; } if (tile.y + 3u < i) { z[at + 3u] = s2_3; } } }
  { let i = tile.x + 3u; if (i < F) { let at = to + i * (i - 1u) / 2u + tile.y; if (tile.y + 0u < i) { z[at + 0u] = s3_0; } if (tile.y + 1u < i) { z[at + 1u] = s3_1; } if (tile.y + 2u < i) { z[at + 2u] = s3_2; } if (tile.y + 3u < i) { z[at + 3u] = s3_3; } } }
}