@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
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
  let width = select(width4(), width4() * u.batch, false);
  let across = (width + columns4 - 1u) / columns4;
  let down = (u.M + rows - 1u) / rows;
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

var<workgroup> tileA: array<vec4f, 256>;
var<workgroup> tileB: array<vec4f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tile = tileOf(group, 64u, 16u);
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  let source = placeOf(tile.column4 + lane % 8u * 2u, tile.batch);
  let bStart = u.bOffset + batchOf(source) * u.bBatch + source.y / 2u;
  // Neighbouring invocations run along whatever lies beside each other in A: vec4 of four rows at one k.
  let ak = select(lane % 16u, lane / 16u, u.aRow == 1u);
  let am4 = select(lane / 16u, lane % 16u, u.aRow == 1u);
  var nextB: array<vec4f, 2>;
  var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
  for (var kStart = 0u; kStart < u.K; kStart += 16u) {
    let at = aStart + min(kStart + ak, u.K - 1u) * u.aCol;
    let r = min(vec4u(tile.row + am4 * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.M - 1u)) * u.aRow + at;
    let nextA = select(vec4f(), vec4f(a[r.x], a[r.y], a[r.z], a[r.w]), kStart + ak < u.K);
    {
      let k = kStart + min(lane / 8u, 15u);
      let h = select(vec4u(), b[bStart + min(k, u.K - 1u) * u.bRow], k < u.K);
      nextB[0] = vec4f(unpack2x16float(h.x), unpack2x16float(h.y));
      nextB[1] = vec4f(unpack2x16float(h.z), unpack2x16float(h.w));
    }
    workgroupBarrier();
    tileA[ak * 16u + am4] = nextA;
    if (lane < 128u) {
      tileB[lane * 2u] = nextB[0];
      tileB[lane * 2u + 1u] = nextB[1];
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let x = tileB[k * 16u + lane % 16u];
      let v = tileA[k * 16u + lane / 16u];
      s0 += v.x * x; s1 += v.y * x; s2 += v.z * x; s3 += v.w * x;
    }
  }
  let place = placeOf(tile.column4 + lane % 16u, tile.batch);
  let first = tile.row + lane / 16u * 4u;
  finish(place, first + 0u, s0);
  finish(place, first + 1u, s1);
  finish(place, first + 2u, s2);
  finish(place, first + 3u, s3);
}