enable subgroups;
@group(0) @binding(0) var<storage, read> a: array<vec4u>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
@group(0) @binding(2) var<storage, read> aScale: array<f32>;
@group(0) @binding(3) var<storage, read> bScale: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> factor: array<vec4f>;
@group(0) @binding(6) var<storage, read> residual: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> c: array<vec4f>;
struct Uniforms { M: u32, N: u32, K: u32, aOffset: u32, aRow: u32, aScaleOffset: u32, bOffset: u32, bRow: u32, bScaleOffset: u32, cOffset: u32, cRow: u32, hasBias: u32, biasOffset: u32, accumulate: u32, activation: u32, hasFactor: u32, factorOffset: u32, factorRow: u32, hasResidual: u32, residualOffset: u32, residualRow: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


struct Tile { column4: u32, row: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(group: vec3u, groups: vec3u, rows: u32, columns4: u32) -> Tile {
  let across = (width4() + columns4 - 1u) / columns4;
  let index = group.y * groups.x + group.x;
  return Tile(index % across * columns4, index / across * rows);
}
/** 1 in place of the batch where there is no such column. */
fn placeOf(column4: u32) -> vec2u { return vec2u(select(0u, 1u, column4 >= width4()), min(column4, width4() - 1u)); }
fn columnsOf(place: vec2u) -> vec4u { return vec4u(place.y * 4u) + vec4u(0u, 1u, 2u, 3u); }
/** Where the four rows of B behind a vec4 column begin. */
fn rowsOf(place: vec2u) -> vec4u { return vec4u(u.bOffset) + min(columnsOf(place), vec4u(u.N - 1u)) * u.bRow; }
fn scaled(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  let scale = aScale[u.aScaleOffset + min(row, u.M - 1u)] * bScale[u.bScaleOffset + place.y];
  return select(vec4f(), sum * scale, columnsOf(place) < vec4u(u.N));
}



fn activate(code: u32, x: vec4f) -> vec4f {
  if (code == 0u) { return x; }
  if (code == 1u) { return select(x, vec4f(), x < vec4f()); }
  let isGelu = code == 2u;
  let slope = select(vec4f(1.0), 1.5957691216057308 + 0.07135481627260025 * x * x, isGelu);
  let sigmoid = 1.0 / (1.0 + exp(-x * slope));
  if (code == 4u) { return sigmoid; }
  return select(x * sigmoid, vec4f(), x < vec4f(select(-100.0, -10.0, isGelu)));
}


fn exists(place: vec2u, row: u32) -> bool { return row < u.M && place.x < 1u; }
fn columnBias(place: vec2u) -> vec4f {
  return select(vec4f(), bias[select(0u, u.biasOffset + place.y, u.hasBias == 1u)], u.hasBias == 1u);
}
fn hasEarly() -> bool { return u.accumulate == 1u || u.hasBias == 2u; }
fn early(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  if (!exists(place, row)) { return sum; }
  var value = sum;
  if (u.hasBias == 2u) { value += bias[u.biasOffset + row / 4u][row % 4u]; }
  if (u.accumulate == 1u) { value += c[u.cOffset + row * u.cRow + place.y]; }
  return value;
}
fn store(place: vec2u, row: u32, value: vec4f) {
  if (exists(place, row)) { c[u.cOffset + row * u.cRow + place.y] = activate(u.activation, value); }
}
fn hasLate() -> bool { return u.hasFactor == 1u || u.hasResidual == 1u; }
fn late(place: vec2u, row: u32) {
  if (!exists(place, row)) { return; }
  let to = u.cOffset + row * u.cRow + place.y;
  var value = c[to];
  
  if (u.hasFactor == 1u) { value *= factor[u.factorOffset + row * u.factorRow + place.y]; }
  if (u.hasResidual == 1u) { value += residual[u.residualOffset + row * u.residualRow + place.y]; }
  c[to] = value;
}
fn finish(place: vec2u, row: u32, sum: vec4f) {
  var value = sum;
  if (hasEarly()) { value = early(place, row, value); }
  store(place, row, value + columnBias(place));
  if (hasLate()) { late(place, row); }
}

fn valuesOfA(word: u32) -> vec4f { return vec4f(unpack4xI8(a[word / 4u][word % 4u])); }
fn valuesOfB(word: u32) -> vec4f { return vec4f(unpack4xI8(b[word / 4u][word % 4u])); }
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = tileOf(group, groups, 32u, 16u);
  let p0 = placeOf(tile.column4 + 0u + lane); let b0 = rowsOf(p0) * 4u;
  let p1 = placeOf(tile.column4 + 8u + lane); let b1 = rowsOf(p1) * 4u;
  let a0 = (u.aOffset + min(tile.row + 0u + lane, u.M - 1u) * u.aRow) * 4u;
  let a1 = (u.aOffset + min(tile.row + 8u + lane, u.M - 1u) * u.aRow) * 4u;
  let a2 = (u.aOffset + min(tile.row + 16u + lane, u.M - 1u) * u.aRow) * 4u;
  let a3 = (u.aOffset + min(tile.row + 24u + lane, u.M - 1u) * u.aRow) * 4u;
  var s0_0 = vec4f(); var s0_1 = vec4f();
  var s1_0 = vec4f(); var s1_1 = vec4f();
  var s2_0 = vec4f(); var s2_1 = vec4f();
  var s3_0 = vec4f(); var s3_1 = vec4f();
  var s4_0 = vec4f(); var s4_1 = vec4f();
  var s5_0 = vec4f(); var s5_1 = vec4f();
  var s6_0 = vec4f(); var s6_1 = vec4f();
  var s7_0 = vec4f(); var s7_1 = vec4f();
  var s8_0 = vec4f(); var s8_1 = vec4f();
  var s9_0 = vec4f(); var s9_1 = vec4f();
  var s10_0 = vec4f(); var s10_1 = vec4f();
  var s11_0 = vec4f(); var s11_1 = vec4f();
  var s12_0 = vec4f(); var s12_1 = vec4f();
  var s13_0 = vec4f(); var s13_1 = vec4f();
  var s14_0 = vec4f(); var s14_1 = vec4f();
  var s15_0 = vec4f(); var s15_1 = vec4f();
  var s16_0 = vec4f(); var s16_1 = vec4f();
  var s17_0 = vec4f(); var s17_1 = vec4f();
  var s18_0 = vec4f(); var s18_1 = vec4f();
  var s19_0 = vec4f(); var s19_1 = vec4f();
  var s20_0 = vec4f(); var s20_1 = vec4f();
  var s21_0 = vec4f(); var s21_1 = vec4f();
  var s22_0 = vec4f(); var s22_1 = vec4f();
  var s23_0 = vec4f(); var s23_1 = vec4f();
  var s24_0 = vec4f(); var s24_1 = vec4f();
  var s25_0 = vec4f(); var s25_1 = vec4f();
  var s26_0 = vec4f(); var s26_1 = vec4f();
  var s27_0 = vec4f(); var s27_1 = vec4f();
  var s28_0 = vec4f(); var s28_1 = vec4f();
  var s29_0 = vec4f(); var s29_1 = vec4f();
  var s30_0 = vec4f(); var s30_1 = vec4f();
  var s31_0 = vec4f(); var s31_1 = vec4f();
  for (var k = 0u; k < (u.K + 3u) / 4u; k++) {
    let v0 = valuesOfA(a0 + k); let v1 = valuesOfA(a1 + k); let v2 = valuesOfA(a2 + k); let v3 = valuesOfA(a3 + k);
    let t0_0 = valuesOfB(b0.x + k); let t0_1 = valuesOfB(b0.y + k); let t0_2 = valuesOfB(b0.z + k); let t0_3 = valuesOfB(b0.w + k); let x0_0 = vec4f(t0_0.x, t0_1.x, t0_2.x, t0_3.x); let x0_1 = vec4f(t0_0.y, t0_1.y, t0_2.y, t0_3.y); let x0_2 = vec4f(t0_0.z, t0_1.z, t0_2.z, t0_3.z); let x0_3 = vec4f(t0_0.w, t0_1.w, t0_2.w, t0_3.w);
    let t1_0 = valuesOfB(b1.x + k); let t1_1 = valuesOfB(b1.y + k); let t1_2 = valuesOfB(b1.z + k); let t1_3 = valuesOfB(b1.w + k); let x1_0 = vec4f(t1_0.x, t1_1.x, t1_2.x, t1_3.x); let x1_1 = vec4f(t1_0.y, t1_1.y, t1_2.y, t1_3.y); let x1_2 = vec4f(t1_0.z, t1_1.z, t1_2.z, t1_3.z); let x1_3 = vec4f(t1_0.w, t1_1.w, t1_2.w, t1_3.w);
    for (var second = 0u; second < 2u; second++) {
    let w0_0 = select(v0.x, v0.z, second == 1u); let w1_0 = select(v1.x, v1.z, second == 1u); let w2_0 = select(v2.x, v2.z, second == 1u); let w3_0 = select(v3.x, v3.z, second == 1u); let y0_0 = select(x0_0, x0_2, second == 1u); let y1_0 = select(x1_0, x1_2, second == 1u);
    let w0_1 = select(v0.y, v0.w, second == 1u); let w1_1 = select(v1.y, v1.w, second == 1u); let w2_1 = select(v2.y, v2.w, second == 1u); let w3_1 = select(v3.y, v3.w, second == 1u); let y0_1 = select(x0_1, x0_3, second == 1u); let y1_1 = select(x1_1, x1_3, second == 1u);
    { let v = subgroupBroadcast(w0_0, 0u); let w = subgroupBroadcast(w0_1, 0u); s0_0 += v * y0_0 + w * y0_1; s0_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 1u); let w = subgroupBroadcast(w0_1, 1u); s1_0 += v * y0_0 + w * y0_1; s1_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 2u); let w = subgroupBroadcast(w0_1, 2u); s2_0 += v * y0_0 + w * y0_1; s2_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 3u); let w = subgroupBroadcast(w0_1, 3u); s3_0 += v * y0_0 + w * y0_1; s3_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 4u); let w = subgroupBroadcast(w0_1, 4u); s4_0 += v * y0_0 + w * y0_1; s4_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 5u); let w = subgroupBroadcast(w0_1, 5u); s5_0 += v * y0_0 + w * y0_1; s5_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 6u); let w = subgroupBroadcast(w0_1, 6u); s6_0 += v * y0_0 + w * y0_1; s6_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w0_0, 7u); let w = subgroupBroadcast(w0_1, 7u); s7_0 += v * y0_0 + w * y0_1; s7_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 0u); let w = subgroupBroadcast(w1_1, 0u); s8_0 += v * y0_0 + w * y0_1; s8_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 1u); let w = subgroupBroadcast(w1_1, 1u); s9_0 += v * y0_0 + w * y0_1; s9_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 2u); let w = subgroupBroadcast(w1_1, 2u); s10_0 += v * y0_0 + w * y0_1; s10_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 3u); let w = subgroupBroadcast(w1_1, 3u); s11_0 += v * y0_0 + w * y0_1; s11_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 4u); let w = subgroupBroadcast(w1_1, 4u); s12_0 += v * y0_0 + w * y0_1; s12_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 5u); let w = subgroupBroadcast(w1_1, 5u); s13_0 += v * y0_0 + w * y0_1; s13_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 6u); let w = subgroupBroadcast(w1_1, 6u); s14_0 += v * y0_0 + w * y0_1; s14_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w1_0, 7u); let w = subgroupBroadcast(w1_1, 7u); s15_0 += v * y0_0 + w * y0_1; s15_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 0u); let w = subgroupBroadcast(w2_1, 0u); s16_0 += v * y0_0 + w * y0_1; s16_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 1u); let w = subgroupBroadcast(w2_1, 1u); s17_0 += v * y0_0 + w * y0_1; s17_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 2u); let w = subgroupBroadcast(w2_1, 2u); s18_0 += v * y0_0 + w * y0_1; s18_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 3u); let w = subgroupBroadcast(w2_1, 3u); s19_0 += v * y0_0 + w * y0_1; s19_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 4u); let w = subgroupBroadcast(w2_1, 4u); s20_0 += v * y0_0 + w * y0_1; s20_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 5u); let w = subgroupBroadcast(w2_1, 5u); s21_0 += v * y0_0 + w * y0_1; s21_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 6u); let w = subgroupBroadcast(w2_1, 6u); s22_0 += v * y0_0 + w * y0_1; s22_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w2_0, 7u); let w = subgroupBroadcast(w2_1, 7u); s23_0 += v * y0_0 + w * y0_1; s23_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 0u); let w = subgroupBroadcast(w3_1, 0u); s24_0 += v * y0_0 + w * y0_1; s24_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 1u); let w = subgroupBroadcast(w3_1, 1u); s25_0 += v * y0_0 + w * y0_1; s25_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 2u); let w = subgroupBroadcast(w3_1, 2u); s26_0 += v * y0_0 + w * y0_1; s26_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 3u); let w = subgroupBroadcast(w3_1, 3u); s27_0 += v * y0_0 + w * y0_1; s27_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 4u); let w = subgroupBroadcast(w3_1, 4u); s28_0 += v * y0_0 + w * y0_1; s28_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 5u); let w = subgroupBroadcast(w3_1, 5u); s29_0 += v * y0_0 + w * y0_1; s29_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 6u); let w = subgroupBroadcast(w3_1, 6u); s30_0 += v * y0_0 + w * y0_1; s30_1 += v * y1_0 + w * y1_1; }
    { let v = subgroupBroadcast(w3_0, 7u); let w = subgroupBroadcast(w3_1, 7u); s31_0 += v * y0_0 + w * y0_1; s31_1 += v * y1_0 + w * y1_1; }
    }
  }
  let g0 = aScale[u.aScaleOffset + min(tile.row + 0u + lane, u.M - 1u)]; let g1 = aScale[u.aScaleOffset + min(tile.row + 8u + lane, u.M - 1u)]; let g2 = aScale[u.aScaleOffset + min(tile.row + 16u + lane, u.M - 1u)]; let g3 = aScale[u.aScaleOffset + min(tile.row + 24u + lane, u.M - 1u)];
  let h0 = bScale[u.bScaleOffset + p0.y]; let inside0 = columnsOf(p0) < vec4u(u.N); let h1 = bScale[u.bScaleOffset + p1.y]; let inside1 = columnsOf(p1) < vec4u(u.N);
  let first = tile.row;
  var sums: array<vec4f, 64>;
  sums[0] = select(vec4f(), s0_0 * subgroupBroadcast(g0, 0u) * h0, inside0); sums[1] = select(vec4f(), s0_1 * subgroupBroadcast(g0, 0u) * h1, inside1);
  sums[2] = select(vec4f(), s1_0 * subgroupBroadcast(g0, 1u) * h0, inside0); sums[3] = select(vec4f(), s1_1 * subgroupBroadcast(g0, 1u) * h1, inside1);
  sums[4] = select(vec4f(), s2_0 * subgroupBroadcast(g0, 2u) * h0, inside0); sums[5] = select(vec4f(), s2_1 * subgroupBroadcast(g0, 2u) * h1, inside1);
  sums[6] = select(vec4f(), s3_0 * subgroupBroadcast(g0, 3u) * h0, inside0); sums[7] = select(vec4f(), s3_1 * subgroupBroadcast(g0, 3u) * h1, inside1);
  sums[8] = select(vec4f(), s4_0 * subgroupBroadcast(g0, 4u) * h0, inside0); sums[9] = select(vec4f(), s4_1 * subgroupBroadcast(g0, 4u) * h1, inside1);
  sums[10] = select(vec4f(), s5_0 * subgroupBroadcast(g0, 5u) * h0, inside0); sums[11] = select(vec4f(), s5_1 * subgroupBroadcast(g0, 5u) * h1, inside1);
  sums[12] = select(vec4f(), s6_0 * subgroupBroadcast(g0, 6u) * h0, inside0); sums[13] = select(vec4f(), s6_1 * subgroupBroadcast(g0, 6u) * h1, inside1);
  sums[14] = select(vec4f(), s7_0 * subgroupBroadcast(g0, 7u) * h0, inside0); sums[15] = select(vec4f(), s7_1 * subgroupBroadcast(g0, 7u) * h1, inside1);
  sums[16] = select(vec4f(), s8_0 * subgroupBroadcast(g1, 0u) * h0, inside0); sums[17] = select(vec4f(), s8_1 * subgroupBroadcast(g1, 0u) * h1, inside1);
  sums[18] = select(vec4f(), s9_0 * subgroupBroadcast(g1, 1u) * h0, inside0); sums[19] = select(vec4f(), s9_1 * subgroupBroadcast(g1, 1u) * h1, inside1);
  sums[20] = select(vec4f(), s10_0 * subgroupBroadcast(g1, 2u) * h0, inside0); sums[21] = select(vec4f(), s10_1 * subgroupBroadcast(g1, 2u) * h1, inside1);
  sums[22] = select(vec4f(), s11_0 * subgroupBroadcast(g1, 3u) * h0, inside0); sums[23] = select(vec4f(), s11_1 * subgroupBroadcast(g1, 3u) * h1, inside1);
  sums[24] = select(vec4f(), s12_0 * subgroupBroadcast(g1, 4u) * h0, inside0); sums[25] = select(vec4f(), s12_1 * subgroupBroadcast(g1, 4u) * h1, inside1);
  sums[26] = select(vec4f(), s13_0 * subgroupBroadcast(g1, 5u) * h0, inside0); sums[27] = select(vec4f(), s13_1 * subgroupBroadcast(g1, 5u) * h1, inside1);
  sums[28] = select(vec4f(), s14_0 * subgroupBroadcast(g1, 6u) * h0, inside0); sums[29] = select(vec4f(), s14_1 * subgroupBroadcast(g1, 6u) * h1, inside1);
  sums[30] = select(vec4f(), s15_0 * subgroupBroadcast(g1, 7u) * h0, inside0); sums[31] = select(vec4f(), s15_1 * subgroupBroadcast(g1, 7u) * h1, inside1);
  sums[32] = select(vec4f(), s16_0 * subgroupBroadcast(g2, 0u) * h0, inside0); sums[33] = select(vec4f(), s16_1 * subgroupBroadcast(g2, 0u) * h1, inside1);
  sums[34] = select(vec4f(), s17_0 * subgroupBroadcast(g2, 1u) * h0, inside0); sums[35] = select(vec4f(), s17_1 * subgroupBroadcast(g2, 1u) * h1, inside1);
  sums[36] = select(vec4f(), s18_0 * subgroupBroadcast(g2, 2u) * h0, inside0); sums[37] = select(vec4f(), s18_1 * subgroupBroadcast(g2, 2u) * h1, inside1);
  sums[38] = select(vec4f(), s19_0 * subgroupBroadcast(g2, 3u) * h0, inside0); sums[39] = select(vec4f(), s19_1 * subgroupBroadcast(g2, 3u) * h1, inside1);
  sums[40] = select(vec4f(), s20_0 * subgroupBroadcast(g2, 4u) * h0, inside0); sums[41] = select(vec4f(), s20_1 * subgroupBroadcast(g2, 4u) * h1, inside1);
  sums[42] = select(vec4f(), s21_0 * subgroupBroadcast(g2, 5u) * h0, inside0); sums[43] = select(vec4f(), s21_1 * subgroupBroadcast(g2, 5u) * h1, inside1);
  sums[44] = select(vec4f(), s22_0 * subgroupBroadcast(g2, 6u) * h0, inside0); sums[45] = select(vec4f(), s22_1 * subgroupBroadcast(g2, 6u) * h1, inside1);
  sums[46] = select(vec4f(), s23_0 * subgroupBroadcast(g2, 7u) * h0, inside0); sums[47] = select(vec4f(), s23_1 * subgroupBroadcast(g2, 7u) * h1, inside1);
  sums[48] = select(vec4f(), s24_0 * subgroupBroadcast(g3, 0u) * h0, inside0); sums[49] = select(vec4f(), s24_1 * subgroupBroadcast(g3, 0u) * h1, inside1);
  sums[50] = select(vec4f(), s25_0 * subgroupBroadcast(g3, 1u) * h0, inside0); sums[51] = select(vec4f(), s25_1 * subgroupBroadcast(g3, 1u) * h1, inside1);
  sums[52] = select(vec4f(), s26_0 * subgroupBroadcast(g3, 2u) * h0, inside0); sums[53] = select(vec4f(), s26_1 * subgroupBroadcast(g3, 2u) * h1, inside1);
  sums[54] = select(vec4f(), s27_0 * subgroupBroadcast(g3, 3u) * h0, inside0); sums[55] = select(vec4f(), s27_1 * subgroupBroadcast(g3, 3u) * h1, inside1);
  sums[56] = select(vec4f(), s28_0 * subgroupBroadcast(g3, 4u) * h0, inside0); sums[57] = select(vec4f(), s28_1 * subgroupBroadcast(g3, 4u) * h1, inside1);
  sums[58] = select(vec4f(), s29_0 * subgroupBroadcast(g3, 5u) * h0, inside0); sums[59] = select(vec4f(), s29_1 * subgroupBroadcast(g3, 5u) * h1, inside1);
  sums[60] = select(vec4f(), s30_0 * subgroupBroadcast(g3, 6u) * h0, inside0); sums[61] = select(vec4f(), s30_1 * subgroupBroadcast(g3, 6u) * h1, inside1);
  sums[62] = select(vec4f(), s31_0 * subgroupBroadcast(g3, 7u) * h0, inside0); sums[63] = select(vec4f(), s31_1 * subgroupBroadcast(g3, 7u) * h1, inside1);
  for (var r = 0u; r < select(0u, 32u, hasEarly()); r++) {
    sums[r * 2u + 0u] = early(p0, first + r, sums[r * 2u + 0u]);
    sums[r * 2u + 1u] = early(p1, first + r, sums[r * 2u + 1u]);
  }
  let bias0 = columnBias(p0); let bias1 = columnBias(p1);
  for (var r = 0u; r < 32u; r++) {
    store(p0, first + r, sums[r * 2u + 0u] + bias0);
    store(p1, first + r, sums[r * 2u + 1u] + bias1);
  }
  for (var r = 0u; r < select(0u, 32u, hasLate()); r++) {
    late(p0, first + r);
    late(p1, first + r);
  }
}