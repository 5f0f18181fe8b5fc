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
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tile = tileOf(group, 32u, 16u);
  let first = tile.row;
  let p0 = placeOf(tile.column4 + 0u + lane, tile.batch); let b0 = vec4u(u.bOffset + batchOf(p0) * u.bBatch) + min(vec4u(p0.y * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.N - 1u)) * u.bRow;
  let n0 = vec4u(p0.y * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.N);
  let p1 = placeOf(tile.column4 + 8u + lane, tile.batch); let b1 = vec4u(u.bOffset + batchOf(p1) * u.bBatch) + min(vec4u(p1.y * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.N - 1u)) * u.bRow;
  let n1 = vec4u(p1.y * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.N);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  let a0 = aStart + min(first + 0u + lane, u.M - 1u) * u.aRow;
  let a1 = aStart + min(first + 8u + lane, u.M - 1u) * u.aRow;
  let a2 = aStart + min(first + 16u + lane, u.M - 1u) * u.aRow;
  let a3 = aStart + min(first + 24u + lane, u.M - 1u) * u.aRow;
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
  for (var k = 0u; k < u.K; k += 2u) {
    let row0 = k;
    let live1 = k + 1u < u.K;
    let row1 = min(k + 1u, u.K - 1u);
    let v0_0 = a[a0 + row0 * u.aCol]; let v0_1 = select(0.0, a[a0 + row1 * u.aCol], live1);
    let v1_0 = a[a1 + row0 * u.aCol]; let v1_1 = select(0.0, a[a1 + row1 * u.aCol], live1);
    let v2_0 = a[a2 + row0 * u.aCol]; let v2_1 = select(0.0, a[a2 + row1 * u.aCol], live1);
    let v3_0 = a[a3 + row0 * u.aCol]; let v3_1 = select(0.0, a[a3 + row1 * u.aCol], live1);
    let x0_0 = select(vec4f(), vec4f(b[b0.x + row0 / 4u][row0 % 4u], b[b0.y + row0 / 4u][row0 % 4u], b[b0.z + row0 / 4u][row0 % 4u], b[b0.w + row0 / 4u][row0 % 4u]), n0); let x0_1 = select(vec4f(), select(vec4f(), vec4f(b[b0.x + row1 / 4u][row1 % 4u], b[b0.y + row1 / 4u][row1 % 4u], b[b0.z + row1 / 4u][row1 % 4u], b[b0.w + row1 / 4u][row1 % 4u]), n0), live1);
    let x1_0 = select(vec4f(), vec4f(b[b1.x + row0 / 4u][row0 % 4u], b[b1.y + row0 / 4u][row0 % 4u], b[b1.z + row0 / 4u][row0 % 4u], b[b1.w + row0 / 4u][row0 % 4u]), n1); let x1_1 = select(vec4f(), select(vec4f(), vec4f(b[b1.x + row1 / 4u][row1 % 4u], b[b1.y + row1 / 4u][row1 % 4u], b[b1.z + row1 / 4u][row1 % 4u], b[b1.w + row1 / 4u][row1 % 4u]), n1), live1);
    { let v = subgroupBroadcast(v0_0, 0u); let w = subgroupBroadcast(v0_1, 0u); s0_0 += v * x0_0 + w * x0_1; s0_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 1u); let w = subgroupBroadcast(v0_1, 1u); s1_0 += v * x0_0 + w * x0_1; s1_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 2u); let w = subgroupBroadcast(v0_1, 2u); s2_0 += v * x0_0 + w * x0_1; s2_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 3u); let w = subgroupBroadcast(v0_1, 3u); s3_0 += v * x0_0 + w * x0_1; s3_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 4u); let w = subgroupBroadcast(v0_1, 4u); s4_0 += v * x0_0 + w * x0_1; s4_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 5u); let w = subgroupBroadcast(v0_1, 5u); s5_0 += v * x0_0 + w * x0_1; s5_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 6u); let w = subgroupBroadcast(v0_1, 6u); s6_0 += v * x0_0 + w * x0_1; s6_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v0_0, 7u); let w = subgroupBroadcast(v0_1, 7u); s7_0 += v * x0_0 + w * x0_1; s7_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 0u); let w = subgroupBroadcast(v1_1, 0u); s8_0 += v * x0_0 + w * x0_1; s8_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 1u); let w = subgroupBroadcast(v1_1, 1u); s9_0 += v * x0_0 + w * x0_1; s9_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 2u); let w = subgroupBroadcast(v1_1, 2u); s10_0 += v * x0_0 + w * x0_1; s10_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 3u); let w = subgroupBroadcast(v1_1, 3u); s11_0 += v * x0_0 + w * x0_1; s11_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 4u); let w = subgroupBroadcast(v1_1, 4u); s12_0 += v * x0_0 + w * x0_1; s12_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 5u); let w = subgroupBroadcast(v1_1, 5u); s13_0 += v * x0_0 + w * x0_1; s13_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 6u); let w = subgroupBroadcast(v1_1, 6u); s14_0 += v * x0_0 + w * x0_1; s14_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v1_0, 7u); let w = subgroupBroadcast(v1_1, 7u); s15_0 += v * x0_0 + w * x0_1; s15_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 0u); let w = subgroupBroadcast(v2_1, 0u); s16_0 += v * x0_0 + w * x0_1; s16_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 1u); let w = subgroupBroadcast(v2_1, 1u); s17_0 += v * x0_0 + w * x0_1; s17_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 2u); let w = subgroupBroadcast(v2_1, 2u); s18_0 += v * x0_0 + w * x0_1; s18_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 3u); let w = subgroupBroadcast(v2_1, 3u); s19_0 += v * x0_0 + w * x0_1; s19_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 4u); let w = subgroupBroadcast(v2_1, 4u); s20_0 += v * x0_0 + w * x0_1; s20_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 5u); let w = subgroupBroadcast(v2_1, 5u); s21_0 += v * x0_0 + w * x0_1; s21_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 6u); let w = subgroupBroadcast(v2_1, 6u); s22_0 += v * x0_0 + w * x0_1; s22_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v2_0, 7u); let w = subgroupBroadcast(v2_1, 7u); s23_0 += v * x0_0 + w * x0_1; s23_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 0u); let w = subgroupBroadcast(v3_1, 0u); s24_0 += v * x0_0 + w * x0_1; s24_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 1u); let w = subgroupBroadcast(v3_1, 1u); s25_0 += v * x0_0 + w * x0_1; s25_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 2u); let w = subgroupBroadcast(v3_1, 2u); s26_0 += v * x0_0 + w * x0_1; s26_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 3u); let w = subgroupBroadcast(v3_1, 3u); s27_0 += v * x0_0 + w * x0_1; s27_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 4u); let w = subgroupBroadcast(v3_1, 4u); s28_0 += v * x0_0 + w * x0_1; s28_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 5u); let w = subgroupBroadcast(v3_1, 5u); s29_0 += v * x0_0 + w * x0_1; s29_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 6u); let w = subgroupBroadcast(v3_1, 6u); s30_0 += v * x0_0 + w * x0_1; s30_1 += v * x1_0 + w * x1_1; }
    { let v = subgroupBroadcast(v3_0, 7u); let w = subgroupBroadcast(v3_1, 7u); s31_0 += v * x0_0 + w * x0_1; s31_1 += v * x1_0 + w * x1_1; }
  }
  var sums: array<vec4f, 64>;
  sums[0] = s0_0; sums[1] = s0_1;
  sums[2] = s1_0; sums[3] = s1_1;
  sums[4] = s2_0; sums[5] = s2_1;
  sums[6] = s3_0; sums[7] = s3_1;
  sums[8] = s4_0; sums[9] = s4_1;
  sums[10] = s5_0; sums[11] = s5_1;
  sums[12] = s6_0; sums[13] = s6_1;
  sums[14] = s7_0; sums[15] = s7_1;
  sums[16] = s8_0; sums[17] = s8_1;
  sums[18] = s9_0; sums[19] = s9_1;
  sums[20] = s10_0; sums[21] = s10_1;
  sums[22] = s11_0; sums[23] = s11_1;
  sums[24] = s12_0; sums[25] = s12_1;
  sums[26] = s13_0; sums[27] = s13_1;
  sums[28] = s14_0; sums[29] = s14_1;
  sums[30] = s15_0; sums[31] = s15_1;
  sums[32] = s16_0; sums[33] = s16_1;
  sums[34] = s17_0; sums[35] = s17_1;
  sums[36] = s18_0; sums[37] = s18_1;
  sums[38] = s19_0; sums[39] = s19_1;
  sums[40] = s20_0; sums[41] = s20_1;
  sums[42] = s21_0; sums[43] = s21_1;
  sums[44] = s22_0; sums[45] = s22_1;
  sums[46] = s23_0; sums[47] = s23_1;
  sums[48] = s24_0; sums[49] = s24_1;
  sums[50] = s25_0; sums[51] = s25_1;
  sums[52] = s26_0; sums[53] = s26_1;
  sums[54] = s27_0; sums[55] = s27_1;
  sums[56] = s28_0; sums[57] = s28_1;
  sums[58] = s29_0; sums[59] = s29_1;
  sums[60] = s30_0; sums[61] = s30_1;
  sums[62] = s31_0; sums[63] = s31_1;
  for (var i = 0u; i < select(0u, 64u, hasEarly()); i++) { sums[i] = early(select(p0, p1, i % 2u == 1u), first + i / 2u, sums[i]); }
  let bias0 = columnBias(p0); let bias1 = columnBias(p1);
  for (var i = 0u; i < 64u; i++) { store(select(p0, p1, i % 2u == 1u), first + i / 2u, sums[i] + select(bias0, bias1, i % 2u == 1u)); }
  for (var i = 0u; i < select(0u, 64u, hasLate()); i++) { late(select(p0, p1, i % 2u == 1u), first + i / 2u); }
}