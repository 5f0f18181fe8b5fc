enable subgroups;
@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lses: array<f32>;
struct Uniforms { B: u32, N: u32, M: u32, D4: u32, zOffset: u32, zRow: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;



fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let rows = u.M;
  let rowTiles = (rows + 7u) / 8u;
  let columnTiles = (u.D4 + 15u) / 16u;
  if (group >= u.B * rowTiles * columnTiles) { return; }
  let firstQuad = group % columnTiles * 16u;
  let firstRow = group / columnTiles % rowTiles * 8u;
  let b = group / columnTiles / rowTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  
  let row0 = min(firstRow + 0u + lane, rows - 1u);
  let quad0 = firstQuad + 0u + lane; let column0 = min(quad0, u.D4 - 1u);
  let quad1 = firstQuad + 8u + lane; let column1 = min(quad1, u.D4 - 1u);
  let zAt = u.zOffset + b * u.N * u.zRow;
  
  var top0 = -3.4e38;
  var total0 = 0.0;
  for (var n = 0u; n < length; n += 1u) {
    let value = z[zAt + n * u.zRow + row0] * u.scale;
    let next = select(top0, value, value > top0);
    total0 = total0 * exp(top0 - next) + exponential(value - next);
    top0 = next;
  }
  let lse0 = select(0.0, top0 + logarithm(total0), length > 0u);
  if (firstQuad == 0u && firstRow + 0u + lane < rows) { lses[b * u.M + row0] = lse0; }
  var sum0_0 = vec4f(); var sum0_1 = vec4f();
  var sum1_0 = vec4f(); var sum1_1 = vec4f();
  var sum2_0 = vec4f(); var sum2_1 = vec4f();
  var sum3_0 = vec4f(); var sum3_1 = vec4f();
  var sum4_0 = vec4f(); var sum4_1 = vec4f();
  var sum5_0 = vec4f(); var sum5_1 = vec4f();
  var sum6_0 = vec4f(); var sum6_1 = vec4f();
  var sum7_0 = vec4f(); var sum7_1 = vec4f();
  for (var k = 0u; k < length; k++) {
    let weight0 = exponential(z[zAt + k * u.zRow + row0] * u.scale - lse0);
    let source0 = x[u.xOffset + (b * u.N + k) * u.xRow + column0];
    let source1 = x[u.xOffset + (b * u.N + k) * u.xRow + column1];
    { let w = subgroupBroadcast(weight0, 0u); sum0_0 += w * source0; sum0_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 1u); sum1_0 += w * source0; sum1_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 2u); sum2_0 += w * source0; sum2_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 3u); sum3_0 += w * source0; sum3_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 4u); sum4_0 += w * source0; sum4_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 5u); sum5_0 += w * source0; sum5_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 6u); sum6_0 += w * source0; sum6_1 += w * source1; }
    { let w = subgroupBroadcast(weight0, 7u); sum7_0 += w * source0; sum7_1 += w * source1; }
  }
  if (firstRow + 0u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 0u)) * u.yRow + quad0] = sum0_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 0u)) * u.yRow + quad1] = sum0_1; } }
  if (firstRow + 1u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 1u)) * u.yRow + quad0] = sum1_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 1u)) * u.yRow + quad1] = sum1_1; } }
  if (firstRow + 2u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 2u)) * u.yRow + quad0] = sum2_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 2u)) * u.yRow + quad1] = sum2_1; } }
  if (firstRow + 3u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 3u)) * u.yRow + quad0] = sum3_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 3u)) * u.yRow + quad1] = sum3_1; } }
  if (firstRow + 4u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 4u)) * u.yRow + quad0] = sum4_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 4u)) * u.yRow + quad1] = sum4_1; } }
  if (firstRow + 5u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 5u)) * u.yRow + quad0] = sum5_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 5u)) * u.yRow + quad1] = sum5_1; } }
  if (firstRow + 6u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 6u)) * u.yRow + quad0] = sum6_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 6u)) * u.yRow + quad1] = sum6_1; } }
  if (firstRow + 7u < rows) { if (quad0 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 7u)) * u.yRow + quad0] = sum7_0; } if (quad1 < u.D4) { y[u.yOffset + (b * u.M + (firstRow + 7u)) * u.yRow + quad1] = sum7_1; } }
}