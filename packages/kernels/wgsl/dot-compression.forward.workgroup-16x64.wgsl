@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lses: array<f32>;
struct Uniforms { B: u32, N: u32, M: u32, D4: u32, zOffset: u32, zRow: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;

var<workgroup> tile_weights: array<vec4f, 128>;

fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }
var<workgroup> tile_statistics: array<vec2f, 64>;
var<workgroup> tile_lses: array<f32, 16>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let rows = u.M;
  let rowTiles = (rows + 15u) / 16u;
  let columnTiles = (u.D4 + 15u) / 16u;
  if (group >= u.B * rowTiles * columnTiles) { return; }
  let firstQuad = group % columnTiles * 16u;
  let firstRow = group / columnTiles % rowTiles * 16u;
  let b = group / columnTiles / rowTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  
  let zAt = u.zOffset + b * u.N * u.zRow;
  
  let statisticsRow = min(firstRow + lane % 16u, rows - 1u);
  
  var top = -3.4e38;
  var total = 0.0;
  for (var n = lane / 16u; n < length; n += 4u) {
    let value = z[zAt + n * u.zRow + statisticsRow] * u.scale;
    let next = select(top, value, value > top);
    total = total * exp(top - next) + exponential(value - next);
    top = next;
  }
  tile_statistics[lane] = vec2f(top, total);
  workgroupBarrier();
  if (lane < 16u) {
    let a = array<vec2f, 4>(tile_statistics[lane], tile_statistics[lane + 16u], tile_statistics[lane + 32u], tile_statistics[lane + 48u]);
    let rowTop = max(max(a[0].x, a[1].x), max(a[2].x, a[3].x));
    let rowTotal = a[0].y * exp(a[0].x - rowTop) + a[1].y * exp(a[1].x - rowTop) + a[2].y * exp(a[2].x - rowTop) + a[3].y * exp(a[3].x - rowTop);
    tile_lses[lane] = select(0.0, rowTop + logarithm(rowTotal), length > 0u);
    if (firstQuad == 0u && firstRow + lane < rows) { lses[b * u.M + firstRow + lane] = tile_lses[lane]; }
  }
  let quad = firstQuad + lane % 16u;
  let column = min(quad, u.D4 - 1u);
  let side = lane / 16u;
  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  let count = length;
  for (var k0 = 0u; k0 < count; k0 += 32u) {
    workgroupBarrier();
    for (var e = lane; e < 128u; e += 64u) {
      let k = min(k0 + e / 4u, count - 1u);
      let row0 = min(firstRow + e % 4u * 4u + 0u, rows - 1u); let row1 = min(firstRow + e % 4u * 4u + 1u, rows - 1u); let row2 = min(firstRow + e % 4u * 4u + 2u, rows - 1u); let row3 = min(firstRow + e % 4u * 4u + 3u, rows - 1u);
      tile_weights[e] = vec4f(exponential(z[zAt + k * u.zRow + row0] * u.scale - tile_lses[row0 - firstRow]), exponential(z[zAt + k * u.zRow + row1] * u.scale - tile_lses[row1 - firstRow]), exponential(z[zAt + k * u.zRow + row2] * u.scale - tile_lses[row2 - firstRow]), exponential(z[zAt + k * u.zRow + row3] * u.scale - tile_lses[row3 - firstRow]));
    }
    workgroupBarrier();
    for (var k = k0; k < min(k0 + 32u, count); k++) {
      let w = tile_weights[(k - k0) * 4u + side];
      let source = x[u.xOffset + (b * u.N + k) * u.xRow + column];
      sum0 += w[0] * source; sum1 += w[1] * source; sum2 += w[2] * source; sum3 += w[3] * source;
    }
  }
  if (quad < u.D4) {
    { let row = firstRow + side * 4u + 0u; if (row < rows) { y[u.yOffset + (b * u.M + row) * u.yRow + quad] = sum0; } }
    { let row = firstRow + side * 4u + 1u; if (row < rows) { y[u.yOffset + (b * u.M + row) * u.yRow + quad] = sum1; } }
    { let row = firstRow + side * 4u + 2u; if (row < rows) { y[u.yOffset + (b * u.M + row) * u.yRow + quad] = sum2; } }
    { let row = firstRow + side * 4u + 3u; if (row < rows) { y[u.yOffset + (b * u.M + row) * u.yRow + quad] = sum3; } }
  }
}