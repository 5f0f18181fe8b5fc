enable subgroups;
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



@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tokenTiles = (u.N + 31u) / 32u;
  let columnTiles = (u.M + 15u) / 16u;
  if (group >= u.B * tokenTiles * columnTiles) { return; }
  let firstColumn = group % columnTiles * 16u;
  let firstToken = group / columnTiles % tokenTiles * 32u;
  let b = group / columnTiles / tokenTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  
  let token0 = firstToken + 0u + lane;
  let x0At = u.xOffset + (b * u.N + min(token0, u.N - 1u)) * u.xRow;
  var gain0_0 = 0.0; var gain0_1 = 0.0; var gain0_2 = 0.0; var gain0_3 = 0.0; var gain0_4 = 0.0; var gain0_5 = 0.0; var gain0_6 = 0.0; var gain0_7 = 0.0; var gain0_8 = 0.0; var gain0_9 = 0.0; var gain0_10 = 0.0; var gain0_11 = 0.0; var gain0_12 = 0.0; var gain0_13 = 0.0; var gain0_14 = 0.0; var gain0_15 = 0.0;
  let token1 = firstToken + 8u + lane;
  let x1At = u.xOffset + (b * u.N + min(token1, u.N - 1u)) * u.xRow;
  var gain1_0 = 0.0; var gain1_1 = 0.0; var gain1_2 = 0.0; var gain1_3 = 0.0; var gain1_4 = 0.0; var gain1_5 = 0.0; var gain1_6 = 0.0; var gain1_7 = 0.0; var gain1_8 = 0.0; var gain1_9 = 0.0; var gain1_10 = 0.0; var gain1_11 = 0.0; var gain1_12 = 0.0; var gain1_13 = 0.0; var gain1_14 = 0.0; var gain1_15 = 0.0;
  let token2 = firstToken + 16u + lane;
  let x2At = u.xOffset + (b * u.N + min(token2, u.N - 1u)) * u.xRow;
  var gain2_0 = 0.0; var gain2_1 = 0.0; var gain2_2 = 0.0; var gain2_3 = 0.0; var gain2_4 = 0.0; var gain2_5 = 0.0; var gain2_6 = 0.0; var gain2_7 = 0.0; var gain2_8 = 0.0; var gain2_9 = 0.0; var gain2_10 = 0.0; var gain2_11 = 0.0; var gain2_12 = 0.0; var gain2_13 = 0.0; var gain2_14 = 0.0; var gain2_15 = 0.0;
  let token3 = firstToken + 24u + lane;
  let x3At = u.xOffset + (b * u.N + min(token3, u.N - 1u)) * u.xRow;
  var gain3_0 = 0.0; var gain3_1 = 0.0; var gain3_2 = 0.0; var gain3_3 = 0.0; var gain3_4 = 0.0; var gain3_5 = 0.0; var gain3_6 = 0.0; var gain3_7 = 0.0; var gain3_8 = 0.0; var gain3_9 = 0.0; var gain3_10 = 0.0; var gain3_11 = 0.0; var gain3_12 = 0.0; var gain3_13 = 0.0; var gain3_14 = 0.0; var gain3_15 = 0.0;
  
  let row0 = b * u.M + min(firstColumn + (lane & 7u), u.M - 1u);
  let row1 = b * u.M + min(firstColumn + 8u + (lane & 7u), u.M - 1u);
  var delta0 = 0.0;
  var delta1 = 0.0;
  for (var q = 0u; q < u.D4; q++) {
    let x0 = x[x0At + q]; let x1 = x[x1At + q]; let x2 = x[x2At + q]; let x3 = x[x3At + q];
    let g0 = dy[u.yOffset + row0 * u.yRow + q];
    let g1 = dy[u.yOffset + row1 * u.yRow + q];
    delta0 += dot(g0, y[u.yOffset + row0 * u.yRow + q]);
    delta1 += dot(g1, y[u.yOffset + row1 * u.yRow + q]);
    { let g = subgroupBroadcast(g0, 0u); gain0_0 += dot(x0, g); gain1_0 += dot(x1, g); gain2_0 += dot(x2, g); gain3_0 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 1u); gain0_1 += dot(x0, g); gain1_1 += dot(x1, g); gain2_1 += dot(x2, g); gain3_1 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 2u); gain0_2 += dot(x0, g); gain1_2 += dot(x1, g); gain2_2 += dot(x2, g); gain3_2 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 3u); gain0_3 += dot(x0, g); gain1_3 += dot(x1, g); gain2_3 += dot(x2, g); gain3_3 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 4u); gain0_4 += dot(x0, g); gain1_4 += dot(x1, g); gain2_4 += dot(x2, g); gain3_4 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 5u); gain0_5 += dot(x0, g); gain1_5 += dot(x1, g); gain2_5 += dot(x2, g); gain3_5 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 6u); gain0_6 += dot(x0, g); gain1_6 += dot(x1, g); gain2_6 += dot(x2, g); gain3_6 += dot(x3, g); }
    { let g = subgroupBroadcast(g0, 7u); gain0_7 += dot(x0, g); gain1_7 += dot(x1, g); gain2_7 += dot(x2, g); gain3_7 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 0u); gain0_8 += dot(x0, g); gain1_8 += dot(x1, g); gain2_8 += dot(x2, g); gain3_8 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 1u); gain0_9 += dot(x0, g); gain1_9 += dot(x1, g); gain2_9 += dot(x2, g); gain3_9 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 2u); gain0_10 += dot(x0, g); gain1_10 += dot(x1, g); gain2_10 += dot(x2, g); gain3_10 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 3u); gain0_11 += dot(x0, g); gain1_11 += dot(x1, g); gain2_11 += dot(x2, g); gain3_11 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 4u); gain0_12 += dot(x0, g); gain1_12 += dot(x1, g); gain2_12 += dot(x2, g); gain3_12 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 5u); gain0_13 += dot(x0, g); gain1_13 += dot(x1, g); gain2_13 += dot(x2, g); gain3_13 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 6u); gain0_14 += dot(x0, g); gain1_14 += dot(x1, g); gain2_14 += dot(x2, g); gain3_14 += dot(x3, g); }
    { let g = subgroupBroadcast(g1, 7u); gain0_15 += dot(x0, g); gain1_15 += dot(x1, g); gain2_15 += dot(x2, g); gain3_15 += dot(x3, g); }
  }
  let lse0 = lses[row0];
  let lse1 = lses[row1];
  let shared0 = vec2f(subgroupBroadcast(delta0, 0u), subgroupBroadcast(lse0, 0u));
  let shared1 = vec2f(subgroupBroadcast(delta0, 1u), subgroupBroadcast(lse0, 1u));
  let shared2 = vec2f(subgroupBroadcast(delta0, 2u), subgroupBroadcast(lse0, 2u));
  let shared3 = vec2f(subgroupBroadcast(delta0, 3u), subgroupBroadcast(lse0, 3u));
  let shared4 = vec2f(subgroupBroadcast(delta0, 4u), subgroupBroadcast(lse0, 4u));
  let shared5 = vec2f(subgroupBroadcast(delta0, 5u), subgroupBroadcast(lse0, 5u));
  let shared6 = vec2f(subgroupBroadcast(delta0, 6u), subgroupBroadcast(lse0, 6u));
  let shared7 = vec2f(subgroupBroadcast(delta0, 7u), subgroupBroadcast(lse0, 7u));
  let shared8 = vec2f(subgroupBroadcast(delta1, 0u), subgroupBroadcast(lse1, 0u));
  let shared9 = vec2f(subgroupBroadcast(delta1, 1u), subgroupBroadcast(lse1, 1u));
  let shared10 = vec2f(subgroupBroadcast(delta1, 2u), subgroupBroadcast(lse1, 2u));
  let shared11 = vec2f(subgroupBroadcast(delta1, 3u), subgroupBroadcast(lse1, 3u));
  let shared12 = vec2f(subgroupBroadcast(delta1, 4u), subgroupBroadcast(lse1, 4u));
  let shared13 = vec2f(subgroupBroadcast(delta1, 5u), subgroupBroadcast(lse1, 5u));
  let shared14 = vec2f(subgroupBroadcast(delta1, 6u), subgroupBroadcast(lse1, 6u));
  let shared15 = vec2f(subgroupBroadcast(delta1, 7u), subgroupBroadcast(lse1, 7u));
  if (token0 < u.N) { 
    if (firstColumn + 0u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 0u;
      let value = u.scale * exponential(z[at] * u.scale - shared0.y) * (gain0_0 - shared0.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 1u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 1u;
      let value = u.scale * exponential(z[at] * u.scale - shared1.y) * (gain0_1 - shared1.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 2u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 2u;
      let value = u.scale * exponential(z[at] * u.scale - shared2.y) * (gain0_2 - shared2.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 3u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 3u;
      let value = u.scale * exponential(z[at] * u.scale - shared3.y) * (gain0_3 - shared3.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 4u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 4u;
      let value = u.scale * exponential(z[at] * u.scale - shared4.y) * (gain0_4 - shared4.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 5u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 5u;
      let value = u.scale * exponential(z[at] * u.scale - shared5.y) * (gain0_5 - shared5.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 6u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 6u;
      let value = u.scale * exponential(z[at] * u.scale - shared6.y) * (gain0_6 - shared6.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 7u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 7u;
      let value = u.scale * exponential(z[at] * u.scale - shared7.y) * (gain0_7 - shared7.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 8u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 8u;
      let value = u.scale * exponential(z[at] * u.scale - shared8.y) * (gain0_8 - shared8.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 9u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 9u;
      let value = u.scale * exponential(z[at] * u.scale - shared9.y) * (gain0_9 - shared9.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 10u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 10u;
      let value = u.scale * exponential(z[at] * u.scale - shared10.y) * (gain0_10 - shared10.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 11u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 11u;
      let value = u.scale * exponential(z[at] * u.scale - shared11.y) * (gain0_11 - shared11.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 12u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 12u;
      let value = u.scale * exponential(z[at] * u.scale - shared12.y) * (gain0_12 - shared12.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 13u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 13u;
      let value = u.scale * exponential(z[at] * u.scale - shared13.y) * (gain0_13 - shared13.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 14u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 14u;
      let value = u.scale * exponential(z[at] * u.scale - shared14.y) * (gain0_14 - shared14.x);
      dz[at] = select(0.0, value, token0 < length);
    }
    if (firstColumn + 15u < u.M) {
      let at = u.zOffset + (b * u.N + token0) * u.zRow + firstColumn + 15u;
      let value = u.scale * exponential(z[at] * u.scale - shared15.y) * (gain0_15 - shared15.x);
      dz[at] = select(0.0, value, token0 < length);
    }
  }
  if (token1 < u.N) { 
    if (firstColumn + 0u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 0u;
      let value = u.scale * exponential(z[at] * u.scale - shared0.y) * (gain1_0 - shared0.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 1u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 1u;
      let value = u.scale * exponential(z[at] * u.scale - shared1.y) * (gain1_1 - shared1.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 2u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 2u;
      let value = u.scale * exponential(z[at] * u.scale - shared2.y) * (gain1_2 - shared2.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 3u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 3u;
      let value = u.scale * exponential(z[at] * u.scale - shared3.y) * (gain1_3 - shared3.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 4u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 4u;
      let value = u.scale * exponential(z[at] * u.scale - shared4.y) * (gain1_4 - shared4.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 5u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 5u;
      let value = u.scale * exponential(z[at] * u.scale - shared5.y) * (gain1_5 - shared5.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 6u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 6u;
      let value = u.scale * exponential(z[at] * u.scale - shared6.y) * (gain1_6 - shared6.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 7u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 7u;
      let value = u.scale * exponential(z[at] * u.scale - shared7.y) * (gain1_7 - shared7.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 8u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 8u;
      let value = u.scale * exponential(z[at] * u.scale - shared8.y) * (gain1_8 - shared8.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 9u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 9u;
      let value = u.scale * exponential(z[at] * u.scale - shared9.y) * (gain1_9 - shared9.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 10u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 10u;
      let value = u.scale * exponential(z[at] * u.scale - shared10.y) * (gain1_10 - shared10.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 11u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 11u;
      let value = u.scale * exponential(z[at] * u.scale - shared11.y) * (gain1_11 - shared11.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 12u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 12u;
      let value = u.scale * exponential(z[at] * u.scale - shared12.y) * (gain1_12 - shared12.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 13u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 13u;
      let value = u.scale * exponential(z[at] * u.scale - shared13.y) * (gain1_13 - shared13.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 14u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 14u;
      let value = u.scale * exponential(z[at] * u.scale - shared14.y) * (gain1_14 - shared14.x);
      dz[at] = select(0.0, value, token1 < length);
    }
    if (firstColumn + 15u < u.M) {
      let at = u.zOffset + (b * u.N + token1) * u.zRow + firstColumn + 15u;
      let value = u.scale * exponential(z[at] * u.scale - shared15.y) * (gain1_15 - shared15.x);
      dz[at] = select(0.0, value, token1 < length);
    }
  }
  if (token2 < u.N) { 
    if (firstColumn + 0u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 0u;
      let value = u.scale * exponential(z[at] * u.scale - shared0.y) * (gain2_0 - shared0.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 1u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 1u;
      let value = u.scale * exponential(z[at] * u.scale - shared1.y) * (gain2_1 - shared1.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 2u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 2u;
      let value = u.scale * exponential(z[at] * u.scale - shared2.y) * (gain2_2 - shared2.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 3u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 3u;
      let value = u.scale * exponential(z[at] * u.scale - shared3.y) * (gain2_3 - shared3.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 4u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 4u;
      let value = u.scale * exponential(z[at] * u.scale - shared4.y) * (gain2_4 - shared4.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 5u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 5u;
      let value = u.scale * exponential(z[at] * u.scale - shared5.y) * (gain2_5 - shared5.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 6u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 6u;
      let value = u.scale * exponential(z[at] * u.scale - shared6.y) * (gain2_6 - shared6.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 7u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 7u;
      let value = u.scale * exponential(z[at] * u.scale - shared7.y) * (gain2_7 - shared7.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 8u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 8u;
      let value = u.scale * exponential(z[at] * u.scale - shared8.y) * (gain2_8 - shared8.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 9u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 9u;
      let value = u.scale * exponential(z[at] * u.scale - shared9.y) * (gain2_9 - shared9.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 10u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 10u;
      let value = u.scale * exponential(z[at] * u.scale - shared10.y) * (gain2_10 - shared10.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 11u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 11u;
      let value = u.scale * exponential(z[at] * u.scale - shared11.y) * (gain2_11 - shared11.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 12u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 12u;
      let value = u.scale * exponential(z[at] * u.scale - shared12.y) * (gain2_12 - shared12.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 13u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 13u;
      let value = u.scale * exponential(z[at] * u.scale - shared13.y) * (gain2_13 - shared13.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 14u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 14u;
      let value = u.scale * exponential(z[at] * u.scale - shared14.y) * (gain2_14 - shared14.x);
      dz[at] = select(0.0, value, token2 < length);
    }
    if (firstColumn + 15u < u.M) {
      let at = u.zOffset + (b * u.N + token2) * u.zRow + firstColumn + 15u;
      let value = u.scale * exponential(z[at] * u.scale - shared15.y) * (gain2_15 - shared15.x);
      dz[at] = select(0.0, value, token2 < length);
    }
  }
  if (token3 < u.N) { 
    if (firstColumn + 0u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 0u;
      let value = u.scale * exponential(z[at] * u.scale - shared0.y) * (gain3_0 - shared0.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 1u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 1u;
      let value = u.scale * exponential(z[at] * u.scale - shared1.y) * (gain3_1 - shared1.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 2u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 2u;
      let value = u.scale * exponential(z[at] * u.scale - shared2.y) * (gain3_2 - shared2.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 3u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 3u;
      let value = u.scale * exponential(z[at] * u.scale - shared3.y) * (gain3_3 - shared3.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 4u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 4u;
      let value = u.scale * exponential(z[at] * u.scale - shared4.y) * (gain3_4 - shared4.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 5u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 5u;
      let value = u.scale * exponential(z[at] * u.scale - shared5.y) * (gain3_5 - shared5.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 6u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 6u;
      let value = u.scale * exponential(z[at] * u.scale - shared6.y) * (gain3_6 - shared6.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 7u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 7u;
      let value = u.scale * exponential(z[at] * u.scale - shared7.y) * (gain3_7 - shared7.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 8u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 8u;
      let value = u.scale * exponential(z[at] * u.scale - shared8.y) * (gain3_8 - shared8.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 9u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 9u;
      let value = u.scale * exponential(z[at] * u.scale - shared9.y) * (gain3_9 - shared9.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 10u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 10u;
      let value = u.scale * exponential(z[at] * u.scale - shared10.y) * (gain3_10 - shared10.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 11u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 11u;
      let value = u.scale * exponential(z[at] * u.scale - shared11.y) * (gain3_11 - shared11.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 12u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 12u;
      let value = u.scale * exponential(z[at] * u.scale - shared12.y) * (gain3_12 - shared12.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 13u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 13u;
      let value = u.scale * exponential(z[at] * u.scale - shared13.y) * (gain3_13 - shared13.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 14u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 14u;
      let value = u.scale * exponential(z[at] * u.scale - shared14.y) * (gain3_14 - shared14.x);
      dz[at] = select(0.0, value, token3 < length);
    }
    if (firstColumn + 15u < u.M) {
      let at = u.zOffset + (b * u.N + token3) * u.zRow + firstColumn + 15u;
      let value = u.scale * exponential(z[at] * u.scale - shared15.y) * (gain3_15 - shared15.x);
      dz[at] = select(0.0, value, token3 < length);
    }
  }
}