@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { R: u32, F: u32, D4: u32, xOffset: u32, xRow: u32, xFeature: u32, zOffset: u32, zRow: u32, accumulate: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 32u + lane;
  let F = u.F;
  let D4 = u.D4;
  let parts = (D4 + 1u) / 2u;
  let each = (F + 7u) / 8u * parts;
  let r = n / each;
  if (r >= u.R) { return; }
  let tile = (n % each) / parts * 8u;
  let first = (n % parts) * 2u;
  let row = u.xOffset + r * u.xRow;
  let xFeature = u.xFeature;
  let products = u.zOffset + r * u.zRow;
  let i0 = min(tile + 0u, F - 1u); let p0 = products + i0 * (i0 - 1u) / 2u;
  let i1 = min(tile + 1u, F - 1u); let p1 = products + i1 * (i1 - 1u) / 2u;
  let i2 = min(tile + 2u, F - 1u); let p2 = products + i2 * (i2 - 1u) / 2u;
  let i3 = min(tile + 3u, F - 1u); let p3 = products + i3 * (i3 - 1u) / 2u;
  let i4 = min(tile + 4u, F - 1u); let p4 = products + i4 * (i4 - 1u) / 2u;
  let i5 = min(tile + 5u, F - 1u); let p5 = products + i5 * (i5 - 1u) / 2u;
  let i6 = min(tile + 6u, F - 1u); let p6 = products + i6 * (i6 - 1u) / 2u;
  let i7 = min(tile + 7u, F - 1u); let p7 = products + i7 * (i7 - 1u) / 2u;
  let column0 = row + min(first + 0u, D4 - 1u);
  let column1 = row + min(first + 1u, D4 - 1u);
  var s0_0 = vec4f();
  var s0_1 = vec4f();
  var s1_0 = vec4f();
  var s1_1 = vec4f();
  var s2_0 = vec4f();
  var s2_1 = vec4f();
  var s3_0 = vec4f();
  var s3_1 = vec4f();
  var s4_0 = vec4f();
  var s4_1 = vec4f();
  var s5_0 = vec4f();
  var s5_1 = vec4f();
  var s6_0 = vec4f();
  var s6_1 = vec4f();
  var s7_0 = vec4f();
  var s7_1 = vec4f();
  for (var j = 0u; j < F; j++) {
    let above = products + j * (j - 1u) / 2u;
    let y0 = x[column0 + j * xFeature];
  let y1 = x[column1 + j * xFeature];
    { let g = select(dz[select(above + i0, p0 + j, j < i0)], 0.0, j == i0); s0_0 += g * select(y0, vec4f(), j == i0); s0_1 += g * select(y1, vec4f(), j == i0); }
  { let g = select(dz[select(above + i1, p1 + j, j < i1)], 0.0, j == i1); s1_0 += g * select(y0, vec4f(), j == i1); s1_1 += g * select(y1, vec4f(), j == i1); }
  { let g = select(dz[select(above + i2, p2 + j, j < i2)], 0.0, j == i2); s2_0 += g * select(y0, vec4f(), j == i2); s2_1 += g * select(y1, vec4f(), j == i2); }
  { let g = select(dz[select(above + i3, p3 + j, j < i3)], 0.0, j == i3); s3_0 += g * select(y0, vec4f(), j == i3); s3_1 += g * select(y1, vec4f(), j == i3); }
  { let g = select(dz[select(above + i4, p4 + j, j < i4)], 0.0, j == i4); s4_0 += g * select(y0, vec4f(), j == i4); s4_1 += g * select(y1, vec4f(), j == i4); }
  { let g = select(dz[select(above + i5, p5 + j, j < i5)], 0.0, j == i5); s5_0 += g * select(y0, vec4f(), j == i5); s5_1 += g * select(y1, vec4f(), j == i5); }
  { let g = select(dz[select(above + i6, p6 + j, j < i6)], 0.0, j == i6); s6_0 += g * select(y0, vec4f(), j == i6); s6_1 += g * select(y1, vec4f(), j == i6); }
  { let g = select(dz[select(above + i7, p7 + j, j < i7)], 0.0, j == i7); s7_0 += g * select(y0, vec4f(), j == i7); s7_1 += g * select(y1, vec4f(), j == i7); }
  }
  let accumulate = u.accumulate != 0u;
  if (tile + 0u < F && first + 0u < D4) { let at = column0 + i0 * xFeature; if (accumulate) { s0_0 += dx[at]; } dx[at] = s0_0; }
  if (tile + 0u < F && first + 1u < D4) { let at = column1 + i0 * xFeature; if (accumulate) { s0_1 += dx[at]; } dx[at] = s0_1; }
  if (tile + 1u < F && first + 0u < D4) { let at = column0 + i1 * xFeature; if (accumulate) { s1_0 += dx[at]; } dx[at] = s1_0; }
  if (tile + 1u < F && first + 1u < D4) { let at = column1 + i1 * xFeature; if (accumulate) { s1_1 += dx[at]; } dx[at] = s1_1; }
  if (tile + 2u < F && first + 0u < D4) { let at = column0 + i2 * xFeature; if (accumulate) { s2_0 += dx[at]; } dx[at] = s2_0; }
  if (tile + 2u < F && first + 1u < D4) { let at = column1 + i2 * xFeature; if (accumulate) { s2_1 += dx[at]; } dx[at] = s2_1; }
  if (tile + 3u < F && first + 0u < D4) { let at = column0 + i3 * xFeature; if (accumulate) { s3_0 += dx[at]; } dx[at] = s3_0; }
  if (tile + 3u < F && first + 1u < D4) { let at = column1 + i3 * xFeature; if (accumulate) { s3_1 += dx[at]; } dx[at] = s3_1; }
  if (tile + 4u < F && first + 0u < D4) { let at = column0 + i4 * xFeature; if (accumulate) { s4_0 += dx[at]; } dx[at] = s4_0; }
  if (tile + 4u < F && first + 1u < D4) { let at = column1 + i4 * xFeature; if (accumulate) { s4_1 += dx[at]; } dx[at] = s4_1; }
  if (tile + 5u < F && first + 0u < D4) { let at = column0 + i5 * xFeature; if (accumulate) { s5_0 += dx[at]; } dx[at] = s5_0; }
  if (tile + 5u < F && first + 1u < D4) { let at = column1 + i5 * xFeature; if (accumulate) { s5_1 += dx[at]; } dx[at] = s5_1; }
  if (tile + 6u < F && first + 0u < D4) { let at = column0 + i6 * xFeature; if (accumulate) { s6_0 += dx[at]; } dx[at] = s6_0; }
  if (tile + 6u < F && first + 1u < D4) { let at = column1 + i6 * xFeature; if (accumulate) { s6_1 += dx[at]; } dx[at] = s6_1; }
  if (tile + 7u < F && first + 0u < D4) { let at = column0 + i7 * xFeature; if (accumulate) { s7_0 += dx[at]; } dx[at] = s7_0; }
  if (tile + 7u < F && first + 1u < D4) { let at = column1 + i7 * xFeature; if (accumulate) { s7_1 += dx[at]; } dx[at] = s7_1; }
}