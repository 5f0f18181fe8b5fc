enable chromium_experimental_subgroup_matrix;
enable subgroups;
enable f16;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> factor: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read> step: array<u32>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4f>;
struct Uniforms { M: u32, N: u32, K: u32, batch: u32, aOffset: u32, aRow: u32, aCol: u32, aBatch: u32, bOffset: u32, bRow: u32, bBatch: u32, cOffset: u32, cRow: u32, cBatch: u32, hasBias: u32, biasOffset: u32, accumulate: u32, activation: u32, dropout: f32, site: u32, hasFactor: u32, factorOffset: u32, factorRow: u32, factorBatch: u32, hasResidual: u32, residualOffset: u32, residualRow: u32, residualBatch: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;



fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

struct Tile { column4: u32, row: u32, batch: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(group: vec3u, groups: vec3u, rows: u32, columns4: u32) -> Tile {
  let width = select(width4(), width4() * u.batch, false);
  let across = (width + columns4 - 1u) / columns4;
  let down = (u.M + rows - 1u) / rows;
  let index = linearGroup(group, groups);
  return Tile(index % across * columns4, index / across % down * rows, index / across / down);
}
/** Batch and vec4 column of a column of the tile; the batch is out of range where there is nothing to compute. */
fn placeOf(column4: u32, batch: u32) -> vec2u {
  let width = width4();
  if (false) { return vec2u(column4 / width + batch * u.batch, column4 % width); }
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
  var value = c[to];
  
  if (u.dropout > 0.0) {
    let seed = hash(hash(step[0]) ^ u.site);
    let first = vec4u((place.x * u.cBatch + row * u.cRow + place.y) * 4u) + vec4u(0u, 1u, 2u, 3u);
    let bits = vec4u(hash(seed + first.x), hash(seed + first.y), hash(seed + first.z), hash(seed + first.w));
    let random = vec4f(bits >> vec4u(8u)) / 16777216.0;
    value = select(vec4f(), value / (1.0 - u.dropout), random >= vec4f(u.dropout));
  }

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

var<workgroup> tileA: array<f16, 1024>;
var<workgroup> tileB: array<f16, 1024>;
var<workgroup> staged: array<f32, 1024>;
var<workgroup> lanes: u32;
// A strip is the same for all of a subgroup, which the compiler cannot know.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_size) subgroupSize: u32,
) {
  let tile = tileOf(group, groups, 64u, 16u);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  let source = placeOf(tile.column4 + local % 8u * 2u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y / 2u;
  if (local == 0u) { lanes = subgroupSize; }
  let size = workgroupUniformLoad(&lanes);
  // Strips of 16 rows; what the subgroups cannot take at once waits for the next round.
  let strips = min(128u / size, 4u);
  for (var round = 0u; round < 4u; round += strips) {
    let strip = min(local / size, strips - 1u);
    var acc0_0 = subgroup_matrix_result<f32, 16, 16>(); var acc0_1 = subgroup_matrix_result<f32, 16, 16>(); var acc0_2 = subgroup_matrix_result<f32, 16, 16>(); var acc0_3 = subgroup_matrix_result<f32, 16, 16>();
    for (var kStart = 0u; kStart < u.K; kStart += 16u) {
      for (var i = local; i < 1024u; i += 128u) {
        let k = select(i % 16u, i / 64u, u.aRow == 1u);
        let m = select(i / 16u, i % 64u, u.aRow == 1u);
        let value = a[aStart + min(tile.row + m, u.M - 1u) * u.aRow + min(kStart + k, u.K - 1u) * u.aCol];
        tileA[m * 16u + k] = f16(select(0.0, value, kStart + k < u.K));
      }
      {
        let k = kStart + local / 8u;
        let x = select(vec4u(), b[bStart + min(k, u.K - 1u) * u.bRow], k < u.K);
        let to = local / 8u * 64u + local % 8u * 8u;
        let h0 = vec2<f16>(unpack2x16float(x[0])); tileB[to + 0u] = h0.x; tileB[to + 1u] = h0.y; let h1 = vec2<f16>(unpack2x16float(x[1])); tileB[to + 2u] = h1.x; tileB[to + 3u] = h1.y; let h2 = vec2<f16>(unpack2x16float(x[2])); tileB[to + 4u] = h2.x; tileB[to + 5u] = h2.y; let h3 = vec2<f16>(unpack2x16float(x[3])); tileB[to + 6u] = h3.x; tileB[to + 7u] = h3.y;
      }
      workgroupBarrier();
      {
        let left0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&tileA, ((round + strip) * 16u + 0u) * 16u + 0u, 16u);
        { let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tileB, 0u, 64u);
          acc0_0 = subgroupMatrixMultiplyAccumulate(left0, right, acc0_0); }
        { let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tileB, 16u, 64u);
          acc0_1 = subgroupMatrixMultiplyAccumulate(left0, right, acc0_1); }
        { let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tileB, 32u, 64u);
          acc0_2 = subgroupMatrixMultiplyAccumulate(left0, right, acc0_2); }
        { let right = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, row_major>(&tileB, 48u, 64u);
          acc0_3 = subgroupMatrixMultiplyAccumulate(left0, right, acc0_3); }
      }
      workgroupBarrier();
    }
    {
      subgroupMatrixStore<row_major>(&staged, strip * 256u + 0u, acc0_0, 16u);
      workgroupBarrier();
      for (var i = local; i < strips * 64u; i += 128u) {
        let place = placeOf(tile.column4 + 0u + i % 4u, tile.batch);
        let at = i * 4u;
        finish(place, tile.row + round * 16u + i / 4u, vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]));
      }
      workgroupBarrier();
    }
    {
      subgroupMatrixStore<row_major>(&staged, strip * 256u + 0u, acc0_1, 16u);
      workgroupBarrier();
      for (var i = local; i < strips * 64u; i += 128u) {
        let place = placeOf(tile.column4 + 4u + i % 4u, tile.batch);
        let at = i * 4u;
        finish(place, tile.row + round * 16u + i / 4u, vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]));
      }
      workgroupBarrier();
    }
    {
      subgroupMatrixStore<row_major>(&staged, strip * 256u + 0u, acc0_2, 16u);
      workgroupBarrier();
      for (var i = local; i < strips * 64u; i += 128u) {
        let place = placeOf(tile.column4 + 8u + i % 4u, tile.batch);
        let at = i * 4u;
        finish(place, tile.row + round * 16u + i / 4u, vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]));
      }
      workgroupBarrier();
    }
    {
      subgroupMatrixStore<row_major>(&staged, strip * 256u + 0u, acc0_3, 16u);
      workgroupBarrier();
      for (var i = local; i < strips * 64u; i += 128u) {
        let place = placeOf(tile.column4 + 12u + i % 4u, tile.batch);
        let at = i * 4u;
        finish(place, tile.row + round * 16u + i / 4u, vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]));
      }
      workgroupBarrier();
    }
  }
}