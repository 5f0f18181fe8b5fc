@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> lses: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { B: u32, N: u32, M: u32, D4: u32, zOffset: u32, zRow: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, scale: f32, masked: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;

var<workgroup> tile_weights: array<vec4f, 128>;

fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
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
  
  let zAt = u.zOffset + b * u.N * u.zRow;
  let quad = firstQuad + lane % 16u;
  let column = min(quad, u.D4 - 1u);
  let side = lane / 16u;
  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  let count = u.M;
  for (var k0 = 0u; k0 < count; k0 += 32u) {
    workgroupBarrier();
    for (var e = lane; e < 128u; e += 64u) {
      let k = min(k0 + e / 4u, count - 1u);
      let row0 = min(firstRow + e % 4u * 4u + 0u, rows - 1u); let row1 = min(firstRow + e % 4u * 4u + 1u, rows - 1u); let row2 = min(firstRow + e % 4u * 4u + 2u, rows - 1u); let row3 = min(firstRow + e % 4u * 4u + 3u, rows - 1u);
      tile_weights[e] = vec4f(exponential(z[zAt + row0 * u.zRow + k] * u.scale - lses[b * u.M + k]), exponential(z[zAt + row1 * u.zRow + k] * u.scale - lses[b * u.M + k]), exponential(z[zAt + row2 * u.zRow + k] * u.scale - lses[b * u.M + k]), exponential(z[zAt + row3 * u.zRow + k] * u.scale - lses[b * u.M + k]));
    }
    workgroupBarrier();
    for (var k = k0; k < min(k0 + 32u, count); k++) {
      let w = tile_weights[(k - k0) * 4u + side];
      let source = dy[u.yOffset + (b * u.M + k) * u.yRow + column];
      sum0 += w[0] * source; sum1 += w[1] * source; sum2 += w[2] * source; sum3 += w[3] * source;
    }
  }
  if (quad < u.D4) {
    { let row = firstRow + side * 4u + 0u; if (row < rows) { dx[u.xOffset + (b * u.N + row) * u.xRow + quad] = select(vec4f(), sum0, row < length); } }
    { let row = firstRow + side * 4u + 1u; if (row < rows) { dx[u.xOffset + (b * u.N + row) * u.xRow + quad] = select(vec4f(), sum1, row < length); } }
    { let row = firstRow + side * 4u + 2u; if (row < rows) { dx[u.xOffset + (b * u.N + row) * u.xRow + quad] = select(vec4f(), sum2, row < length); } }
    { let row = firstRow + side * 4u + 3u; if (row < rows) { dx[u.xOffset + (b * u.N + row) * u.xRow + quad] = select(vec4f(), sum3, row < length); } }
  }
}