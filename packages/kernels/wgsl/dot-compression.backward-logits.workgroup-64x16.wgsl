@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> lses: array<f32>;
@group(0) @binding(4) var<storage, read> y: array<vec4f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dz: array<f32>;
struct Uniforms { B: u32, N: u32, M: u32, D4: u32, zOffset: u32, zRow: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;


fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }

var<workgroup> tile: array<vec4f, 256>;
var<workgroup> parts: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tokenTiles = (u.N + 63u) / 64u;
  let columnTiles = (u.M + 15u) / 16u;
  if (group >= u.B * tokenTiles * columnTiles) { return; }
  let firstColumn = group % columnTiles * 16u;
  let firstToken = group / columnTiles % tokenTiles * 64u;
  let b = group / columnTiles / tokenTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  
  let token0 = firstToken + 0u + lane;
  let x0At = u.xOffset + (b * u.N + min(token0, u.N - 1u)) * u.xRow;
  var gain0_0 = 0.0; var gain0_1 = 0.0; var gain0_2 = 0.0; var gain0_3 = 0.0; var gain0_4 = 0.0; var gain0_5 = 0.0; var gain0_6 = 0.0; var gain0_7 = 0.0; var gain0_8 = 0.0; var gain0_9 = 0.0; var gain0_10 = 0.0; var gain0_11 = 0.0; var gain0_12 = 0.0; var gain0_13 = 0.0; var gain0_14 = 0.0; var gain0_15 = 0.0;
  
  var part = 0.0;
  for (var q0 = 0u; q0 < u.D4; q0 += 16u) {
    workgroupBarrier();
    for (var e = lane; e < 256u; e += 64u) {
      let row = b * u.M + min(firstColumn + e / 16u, u.M - 1u);
      tile[e] = dy[u.yOffset + row * u.yRow + min(q0 + e % 16u, u.D4 - 1u)];
    }
    workgroupBarrier();
    let row = b * u.M + min(firstColumn + lane / 4u, u.M - 1u);
    for (var q = q0 + lane % 4u; q < min(q0 + 16u, u.D4); q += 4u) {
      part += dot(tile[lane / 4u * 16u + q - q0], y[u.yOffset + row * u.yRow + q]);
    }
    for (var q = q0; q < min(q0 + 16u, u.D4); q++) {
      let x0 = x[x0At + q];
      { let g = tile[0u + q - q0]; gain0_0 += dot(x0, g); }
      { let g = tile[16u + q - q0]; gain0_1 += dot(x0, g); }
      { let g = tile[32u + q - q0]; gain0_2 += dot(x0, g); }
      { let g = tile[48u + q - q0]; gain0_3 += dot(x0, g); }
      { let g = tile[64u + q - q0]; gain0_4 += dot(x0, g); }
      { let g = tile[80u + q - q0]; gain0_5 += dot(x0, g); }
      { let g = tile[96u + q - q0]; gain0_6 += dot(x0, g); }
      { let g = tile[112u + q - q0]; gain0_7 += dot(x0, g); }
      { let g = tile[128u + q - q0]; gain0_8 += dot(x0, g); }
      { let g = tile[144u + q - q0]; gain0_9 += dot(x0, g); }
      { let g = tile[160u + q - q0]; gain0_10 += dot(x0, g); }
      { let g = tile[176u + q - q0]; gain0_11 += dot(x0, g); }
      { let g = tile[192u + q - q0]; gain0_12 += dot(x0, g); }
      { let g = tile[208u + q - q0]; gain0_13 += dot(x0, g); }
      { let g = tile[224u + q - q0]; gain0_14 += dot(x0, g); }
      { let g = tile[240u + q - q0]; gain0_15 += dot(x0, g); }
    }
  }
  parts[lane] = part;
  workgroupBarrier();
  if (token0 < u.N) { 
    if (firstColumn + 0u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 0u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 0u]) * (gain0_0 - ((parts[0] + parts[1]) + (parts[2] + parts[3])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 1u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 1u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 1u]) * (gain0_1 - ((parts[4] + parts[5]) + (parts[6] + parts[7])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 2u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 2u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 2u]) * (gain0_2 - ((parts[8] + parts[9]) + (parts[10] + parts[11])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 3u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 3u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 3u]) * (gain0_3 - ((parts[12] + parts[13]) + (parts[14] + parts[15])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 4u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 4u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 4u]) * (gain0_4 - ((parts[16] + parts[17]) + (parts[18] + parts[19])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 5u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 5u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 5u]) * (gain0_5 - ((parts[20] + parts[21]) + (parts[22] + parts[23])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 6u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 6u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 6u]) * (gain0_6 - ((parts[24] + parts[25]) + (parts[26] + parts[27])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 7u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 7u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 7u]) * (gain0_7 - ((parts[28] + parts[29]) + (parts[30] + parts[31])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 8u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 8u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 8u]) * (gain0_8 - ((parts[32] + parts[33]) + (parts[34] + parts[35])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 9u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 9u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 9u]) * (gain0_9 - ((parts[36] + parts[37]) + (parts[38] + parts[39])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 10u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 10u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 10u]) * (gain0_10 - ((parts[40] + parts[41]) + (parts[42] + parts[43])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 11u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 11u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 11u]) * (gain0_11 - ((parts[44] + parts[45]) + (parts[46] + parts[47])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 12u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 12u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 12u]) * (gain0_12 - ((parts[48] + parts[49]) + (parts[50] + parts[51])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 13u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 13u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 13u]) * (gain0_13 - ((parts[52] + parts[53]) + (parts[54] + parts[55])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 14u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 14u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 14u]) * (gain0_14 - ((parts[56] + parts[57]) + (parts[58] + parts[59])));
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 15u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 15u;
      let value = u.scale * exponential(z[at] * u.scale - lses[b * u.M + firstColumn + 15u]) * (gain0_15 - ((parts[60] + parts[61]) + (parts[62] + parts[63])));
      dz[at] = select(0.0, value, token0 < length);
    }
  }
}