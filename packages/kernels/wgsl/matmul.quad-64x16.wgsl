enable subgroups;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> factor: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read> step: array<u32>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4f>;
struct Uniforms { M: u32, N: u32, K: u32, batch: u32, aOffset: u32, aRow: u32, aCol: u32, aBatch: u32, bOffset: u32, bRow: u32, bBatch: u32, cOffset: u32, cRow: u32, cBatch: u32, hasBias: u32, biasOffset: u32, accumulate: u32, activation: u32, dropout: f32, site: u32, hasFactor: u32, factorOffset: u32, factorRow: u32, factorBatch: u32, hasResidual: u32, residualOffset: u32, residualRow: u32, residualBatch: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;


struct Tile { column4: u32, row: u32, batch: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(index: u32, rows: u32, columns4: u32) -> Tile {
  let width = select(width4(), width4() * u.batch, u.aBatch == 0u);
  let across = (width + columns4 - 1u) / columns4;
  let down = (u.M + rows - 1u) / rows;
  return Tile(index % across * columns4, index / across % down * rows, index / across / down);
}
/** Batch and vec4 column of a column of the tile; the batch is out of range where there is nothing to compute. */
fn placeOf(column4: u32, batch: u32) -> vec2u {
  let width = width4();
  if (u.aBatch == 0u) { return vec2u(column4 / width + batch * u.batch, column4 % width); }
  return vec2u(select(batch, u.batch, column4 >= width), min(column4, width - 1u));
}
/** The nearest batch that exists, to load from. */
fn batchOf(place: vec2u) -> u32 { return min(place.x, u.batch - 1u); }



fn activate(code: u32, x: vec4f) -> vec4f {
  if (code == 0u) { return x; }
  if (code == 1u) { return select(x, vec4f(), x < vec4f()); }
  let isGelu = code == 2u;
  let slope = select(vec4f(1.0), 1.5957691216057308 + 0.07135481627260025 * x * x, isGelu);
  let sigmoid = 1.0 / (1.0 + exp(-x * slope));
  if (code == 4u) { return sigmoid; }
  return select(x * sigmoid, vec4f(), x < vec4f(select(-100.0, -10.0, isGelu)));
}


fn hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn dropped(value: vec4f, i: u32) -> vec4f {
  if (u.dropout == 0.0) { return value; }
  let first = hash(hash(step[0]) ^ u.site) + i * 4u;
  let bits = vec4u(hash(first), hash(first + 1u), hash(first + 2u), hash(first + 3u));
  let random = vec4f(bits >> vec4u(8u)) / 16777216.0;
  return select(vec4f(), value / (1.0 - u.dropout), random >= vec4f(u.dropout));
}

fn exists(place: vec2u, row: u32) -> bool { return row < u.M && place.x < u.batch; }
fn columnBias(place: vec2u) -> vec4f {
  return select(vec4f(), bias[select(0u, u.biasOffset + place.y, u.hasBias == 1u)], u.hasBias == 1u);
}
fn hasEarly() -> bool { return u.accumulate == 1u || u.hasBias == 2u; }
fn early(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  if (!exists(place, row)) { return sum; }
  var value = sum;
  if (u.hasBias == 2u) { value += bias[u.biasOffset + row / 4u][row % 4u]; }
  if (u.accumulate == 1u) { value += c[u.cOffset + place.x * u.cBatch + row * u.cRow + place.y]; }
  return value;
}
fn store(place: vec2u, row: u32, value: vec4f) {
  if (exists(place, row)) { c[u.cOffset + place.x * u.cBatch + row * u.cRow + place.y] = activate(u.activation, value); }
}
fn hasLate() -> bool { return u.dropout > 0.0 || u.hasFactor == 1u || u.hasResidual == 1u; }
fn late(place: vec2u, row: u32) {
  if (!exists(place, row)) { return; }
  let to = u.cOffset + place.x * u.cBatch + row * u.cRow + place.y;
  var value = dropped(c[to], place.x * u.cBatch + row * u.cRow + place.y);
  if (u.hasFactor == 1u) { value *= factor[u.factorOffset + place.x * u.factorBatch + row * u.factorRow + place.y]; }
  if (u.hasResidual == 1u) { value += residual[u.residualOffset + place.x * u.residualBatch + row * u.residualRow + place.y]; }
  c[to] = value;
}
fn finish(place: vec2u, row: u32, sum: vec4f) {
  var value = sum;
  if (hasEarly()) { value = early(place, row, value); }
  store(place, row, value + columnBias(place));
  if (hasLate()) { late(place, row); }
}


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tile = tileOf(group, 64u, 4u);
  let lane = local % 4u;
  let first = tile.row + local / 4u * 32u;
  let p0 = placeOf(tile.column4 + 0u + lane, tile.batch); let b0 = u.bOffset + batchOf(p0) * u.bBatch + p0.y;
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  let a0 = aStart + min(first + 0u + lane, u.M - 1u) * u.aRow;
  let a1 = aStart + min(first + 4u + lane, u.M - 1u) * u.aRow;
  let a2 = aStart + min(first + 8u + lane, u.M - 1u) * u.aRow;
  let a3 = aStart + min(first + 12u + lane, u.M - 1u) * u.aRow;
  let a4 = aStart + min(first + 16u + lane, u.M - 1u) * u.aRow;
  let a5 = aStart + min(first + 20u + lane, u.M - 1u) * u.aRow;
  let a6 = aStart + min(first + 24u + lane, u.M - 1u) * u.aRow;
  let a7 = aStart + min(first + 28u + lane, u.M - 1u) * u.aRow;
  var s0_0 = vec4f();
  var s1_0 = vec4f();
  var s2_0 = vec4f();
  var s3_0 = vec4f();
  var s4_0 = vec4f();
  var s5_0 = vec4f();
  var s6_0 = vec4f();
  var s7_0 = vec4f();
  var s8_0 = vec4f();
  var s9_0 = vec4f();
  var s10_0 = vec4f();
  var s11_0 = vec4f();
  var s12_0 = vec4f();
  var s13_0 = vec4f();
  var s14_0 = vec4f();
  var s15_0 = vec4f();
  var s16_0 = vec4f();
  var s17_0 = vec4f();
  var s18_0 = vec4f();
  var s19_0 = vec4f();
  var s20_0 = vec4f();
  var s21_0 = vec4f();
  var s22_0 = vec4f();
  var s23_0 = vec4f();
  var s24_0 = vec4f();
  var s25_0 = vec4f();
  var s26_0 = vec4f();
  var s27_0 = vec4f();
  var s28_0 = vec4f();
  var s29_0 = vec4f();
  var s30_0 = vec4f();
  var s31_0 = vec4f();
  for (var k = 0u; k < u.K; k += 2u) {
    let row0 = k;
    let live1 = k + 1u < u.K;
    let row1 = min(k + 1u, u.K - 1u);
    let v0_0 = a[a0 + row0 * u.aCol]; let v0_1 = select(0.0, a[a0 + row1 * u.aCol], live1);
    let v1_0 = a[a1 + row0 * u.aCol]; let v1_1 = select(0.0, a[a1 + row1 * u.aCol], live1);
    let v2_0 = a[a2 + row0 * u.aCol]; let v2_1 = select(0.0, a[a2 + row1 * u.aCol], live1);
    let v3_0 = a[a3 + row0 * u.aCol]; let v3_1 = select(0.0, a[a3 + row1 * u.aCol], live1);
    let v4_0 = a[a4 + row0 * u.aCol]; let v4_1 = select(0.0, a[a4 + row1 * u.aCol], live1);
    let v5_0 = a[a5 + row0 * u.aCol]; let v5_1 = select(0.0, a[a5 + row1 * u.aCol], live1);
    let v6_0 = a[a6 + row0 * u.aCol]; let v6_1 = select(0.0, a[a6 + row1 * u.aCol], live1);
    let v7_0 = a[a7 + row0 * u.aCol]; let v7_1 = select(0.0, a[a7 + row1 * u.aCol], live1);
    let x0_0 = b[b0 + row0 * u.bRow];
    let x0_1 = select(vec4f(), b[b0 + row1 * u.bRow], live1);
    { let v = quadBroadcast(v0_0, 0u); let w = quadBroadcast(v0_1, 0u); s0_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v0_0, 1u); let w = quadBroadcast(v0_1, 1u); s1_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v0_0, 2u); let w = quadBroadcast(v0_1, 2u); s2_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v0_0, 3u); let w = quadBroadcast(v0_1, 3u); s3_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v1_0, 0u); let w = quadBroadcast(v1_1, 0u); s4_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v1_0, 1u); let w = quadBroadcast(v1_1, 1u); s5_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v1_0, 2u); let w = quadBroadcast(v1_1, 2u); s6_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v1_0, 3u); let w = quadBroadcast(v1_1, 3u); s7_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v2_0, 0u); let w = quadBroadcast(v2_1, 0u); s8_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v2_0, 1u); let w = quadBroadcast(v2_1, 1u); s9_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v2_0, 2u); let w = quadBroadcast(v2_1, 2u); s10_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v2_0, 3u); let w = quadBroadcast(v2_1, 3u); s11_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v3_0, 0u); let w = quadBroadcast(v3_1, 0u); s12_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v3_0, 1u); let w = quadBroadcast(v3_1, 1u); s13_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v3_0, 2u); let w = quadBroadcast(v3_1, 2u); s14_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v3_0, 3u); let w = quadBroadcast(v3_1, 3u); s15_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v4_0, 0u); let w = quadBroadcast(v4_1, 0u); s16_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v4_0, 1u); let w = quadBroadcast(v4_1, 1u); s17_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v4_0, 2u); let w = quadBroadcast(v4_1, 2u); s18_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v4_0, 3u); let w = quadBroadcast(v4_1, 3u); s19_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v5_0, 0u); let w = quadBroadcast(v5_1, 0u); s20_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v5_0, 1u); let w = quadBroadcast(v5_1, 1u); s21_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v5_0, 2u); let w = quadBroadcast(v5_1, 2u); s22_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v5_0, 3u); let w = quadBroadcast(v5_1, 3u); s23_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v6_0, 0u); let w = quadBroadcast(v6_1, 0u); s24_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v6_0, 1u); let w = quadBroadcast(v6_1, 1u); s25_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v6_0, 2u); let w = quadBroadcast(v6_1, 2u); s26_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v6_0, 3u); let w = quadBroadcast(v6_1, 3u); s27_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v7_0, 0u); let w = quadBroadcast(v7_1, 0u); s28_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v7_0, 1u); let w = quadBroadcast(v7_1, 1u); s29_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v7_0, 2u); let w = quadBroadcast(v7_1, 2u); s30_0 += v * x0_0 + w * x0_1; }
    { let v = quadBroadcast(v7_0, 3u); let w = quadBroadcast(v7_1, 3u); s31_0 += v * x0_0 + w * x0_1; }
  }
  var sums: array<vec4f, 40>;
  sums[0] = s0_0;
  sums[1] = s1_0;
  sums[2] = s2_0;
  sums[3] = s3_0;
  sums[4] = s4_0;
  sums[5] = s5_0;
  sums[6] = s6_0;
  sums[7] = s7_0;
  sums[8] = s8_0;
  sums[9] = s9_0;
  sums[10] = s10_0;
  sums[11] = s11_0;
  sums[12] = s12_0;
  sums[13] = s13_0;
  sums[14] = s14_0;
  sums[15] = s15_0;
  sums[16] = s16_0;
  sums[17] = s17_0;
  sums[18] = s18_0;
  sums[19] = s19_0;
  sums[20] = s20_0;
  sums[21] = s21_0;
  sums[22] = s22_0;
  sums[23] = s23_0;
  sums[24] = s24_0;
  sums[25] = s25_0;
  sums[26] = s26_0;
  sums[27] = s27_0;
  sums[28] = s28_0;
  sums[29] = s29_0;
  sums[30] = s30_0;
  sums[31] = s31_0;
  for (var i = 0u; i < select(0u, 32u, hasEarly()); i++) { sums[i] = early(p0, first + i / 1u, sums[i]); }
  let bias0 = columnBias(p0);
  for (var i = 0u; i < 32u; i++) { store(p0, first + i / 1u, sums[i] + bias0); }
  for (var i = 0u; i < select(0u, 32u, hasLate()); i++) { late(p0, first + i / 1u); }
}