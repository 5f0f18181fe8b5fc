enable subgroups;
@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> lses: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { B: u32, N: u32, M: u32, D4: u32, zOffset: u32, zRow: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;



fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let rows = u.N;
  let rowTiles = (rows + 15u) / 16u;
  let columnTiles = (u.D4 + 15u) / 16u;
  if (group >= u.B * rowTiles * columnTiles) { return; }
  let firstQuad = group % columnTiles * 16u;
  let firstRow = group / columnTiles % rowTiles * 16u;
  let b = group / columnTiles / rowTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  
  let row0 = min(firstRow + 0u + lane, rows - 1u);
  let row1 = min(firstRow + 8u + lane, rows - 1u);
  let quad0 = firstQuad + 0u + lane; let column0 = min(quad0, u.D4 - 1u);
  let quad1 = firstQuad + 8u + lane; let column1 = min(quad1, u.D4 - 1u);
  let zAt = u.zOffset + b * u.N * u.zRow;
  var sum0_0 = vec4f(); var sum0_1 = vec4f();
  var sum1_0 = vec4f(); var sum1_1 = vec4f();
  var sum2_0 = vec4f(); var sum2_1 = vec4f();
  var sum3_0 = vec4f(); var sum3_1 = vec4f();
  var sum4_0 = vec4f(); var sum4_1 = vec4f();
  var sum5_0 = vec4f(); var sum5_1 = vec4f();
  var sum6_0 = vec4f(); var sum6_1 = vec4f();
  var sum7_0 = vec4f(); var sum7_1 = vec4f();
  var sum8_0 = vec4f(); var sum8_1 = vec4f();
  var sum9_0 = vec4f(); var sum9_1 = vec4f();
  var sum10_0 = vec4f(); var sum10_1 = vec4f();
  var sum11_0 = vec4f(); var sum11_1 = vec4f();
  var sum12_0 = vec4f(); var sum12_1 = vec4f();
  var sum13_0 = vec4f(); var sum13_1 = vec4f();
  var sum14_0 = vec4f(); var sum14_1 = vec4f();
  var sum15_0 = vec4f(); var sum15_1 = vec4f();
  for (var k = 0u; k < u.M; k++) {
    let weight0 = exponential(z[zAt + row0 * u.zRow + k] * u.scale - lses[b * u.M + k]);
    let weight1 = exponential(z[zAt + row1 * u.zRow + k] * u.scale - lses[b * u.M + k]);
    let source0 = dy[u.yOffset + (b * u.M + k) * u.yRow + column0];
    let source1 = dy[u.yOffset + (b * u.M + k) * u.yRow + column1];
    { let w = subgroupBroadcast(weight0, 0u); sum0_0 += w * source0; sum0_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 1u); sum1_0 += w * source0; sum1_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 2u); sum2_0 += w * source0; sum2_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 3u); sum3_0 += w * source0; sum3_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 4u); sum4_0 += w * source0; sum4_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 5u); sum5_0 += w * source0; sum5_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 6u); sum6_0 += w * source0; sum6_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 7u); sum7_0 += w * source0; sum7_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 0u); sum8_0 += w * source0; sum8_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 1u); sum9_0 += w * source0; sum9_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 2u); sum10_0 += w * source0; sum10_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 3u); sum11_0 += w * source0; sum11_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 4u); sum12_0 += w * source0; sum12_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 5u); sum13_0 += w * source0; sum13_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 6u); sum14_0 += w * source0; sum14_1 += w * source1; }
    { let w = subgroupBroadcast(weight1, 7u); sum15_0 += w * source0; sum15_1 += w * source1; }
  }
  if (firstRow + 0u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 0u)) * u.xRow + quad0] = select(vec4f(), sum0_0, (firstRow + 0u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 0u)) * u.xRow + quad1] = select(vec4f(), sum0_1, (firstRow + 0u) < length); } }
  if (firstRow + 1u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 1u)) * u.xRow + quad0] = select(vec4f(), sum1_0, (firstRow + 1u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 1u)) * u.xRow + quad1] = select(vec4f(), sum1_1, (firstRow + 1u) < length); } }
  if (firstRow + 2u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 2u)) * u.xRow + quad0] = select(vec4f(), sum2_0, (firstRow + 2u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 2u)) * u.xRow + quad1] = select(vec4f(), sum2_1, (firstRow + 2u) < length); } }
  if (firstRow + 3u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 3u)) * u.xRow + quad0] = select(vec4f(), sum3_0, (firstRow + 3u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 3u)) * u.xRow + quad1] = select(vec4f(), sum3_1, (firstRow + 3u) < length); } }
  if (firstRow + 4u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 4u)) * u.xRow + quad0] = select(vec4f(), sum4_0, (firstRow + 4u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 4u)) * u.xRow + quad1] = select(vec4f(), sum4_1, (firstRow + 4u) < length); } }
  if (firstRow + 5u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 5u)) * u.xRow + quad0] = select(vec4f(), sum5_0, (firstRow + 5u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 5u)) * u.xRow + quad1] = select(vec4f(), sum5_1, (firstRow + 5u) < length); } }
  if (firstRow + 6u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 6u)) * u.xRow + quad0] = select(vec4f(), sum6_0, (firstRow + 6u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 6u)) * u.xRow + quad1] = select(vec4f(), sum6_1, (firstRow + 6u) < length); } }
  if (firstRow + 7u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 7u)) * u.xRow + quad0] = select(vec4f(), sum7_0, (firstRow + 7u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 7u)) * u.xRow + quad1] = select(vec4f(), sum7_1, (firstRow + 7u) < length); } }
  if (firstRow + 8u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 8u)) * u.xRow + quad0] = select(vec4f(), sum8_0, (firstRow + 8u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 8u)) * u.xRow + quad1] = select(vec4f(), sum8_1, (firstRow + 8u) < length); } }
  if (firstRow + 9u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 9u)) * u.xRow + quad0] = select(vec4f(), sum9_0, (firstRow + 9u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 9u)) * u.xRow + quad1] = select(vec4f(), sum9_1, (firstRow + 9u) < length); } }
  if (firstRow + 10u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 10u)) * u.xRow + quad0] = select(vec4f(), sum10_0, (firstRow + 10u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 10u)) * u.xRow + quad1] = select(vec4f(), sum10_1, (firstRow + 10u) < length); } }
  if (firstRow + 11u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 11u)) * u.xRow + quad0] = select(vec4f(), sum11_0, (firstRow + 11u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 11u)) * u.xRow + quad1] = select(vec4f(), sum11_1, (firstRow + 11u) < length); } }
  if (firstRow + 12u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 12u)) * u.xRow + quad0] = select(vec4f(), sum12_0, (firstRow + 12u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 12u)) * u.xRow + quad1] = select(vec4f(), sum12_1, (firstRow + 12u) < length); } }
  if (firstRow + 13u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 13u)) * u.xRow + quad0] = select(vec4f(), sum13_0, (firstRow + 13u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 13u)) * u.xRow + quad1] = select(vec4f(), sum13_1, (firstRow + 13u) < length); } }
  if (firstRow + 14u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 14u)) * u.xRow + quad0] = select(vec4f(), sum14_0, (firstRow + 14u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 14u)) * u.xRow + quad1] = select(vec4f(), sum14_1, (firstRow + 14u) < length); } }
  if (firstRow + 15u < rows) { if (quad0 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 15u)) * u.xRow + quad0] = select(vec4f(), sum15_0, (firstRow + 15u) < length); } if (quad1 < u.D4) { dx[u.xOffset + (b * u.N + (firstRow + 15u)) * u.xRow + quad1] = select(vec4f(), sum15_1, (firstRow + 15u) < length); } }
}