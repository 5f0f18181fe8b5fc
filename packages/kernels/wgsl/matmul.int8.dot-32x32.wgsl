@group(0) @binding(0) var<storage, read> a: array<vec4u>;
@group(0) @binding(1) var<storage, read> b: array<vec4u>;
@group(0) @binding(2) var<storage, read> aScale: array<f32>;
@group(0) @binding(3) var<storage, read> bScale: array<vec4f>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read> factor: array<vec4f>;
@group(0) @binding(6) var<storage, read> residual: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> c: array<vec4f>;
struct Uniforms { M: u32, N: u32, K: u32, aOffset: u32, aRow: u32, aScaleOffset: u32, bOffset: u32, bRow: u32, bScaleOffset: u32, cOffset: u32, cRow: u32, hasBias: u32, biasOffset: u32, accumulate: u32, activation: u32, hasFactor: u32, factorOffset: u32, factorRow: u32, hasResidual: u32, residualOffset: u32, residualRow: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


struct Tile { column4: u32, row: u32 }
fn width4() -> u32 { return (u.N + 3u) / 4u; }
fn tileOf(group: vec3u, groups: vec3u, rows: u32, columns4: u32) -> Tile {
  let across = (width4() + columns4 - 1u) / columns4;
  let index = group.y * groups.x + group.x;
  return Tile(index % across * columns4, index / across * rows);
}
/** 1 in place of the batch where there is no such column. */
fn placeOf(column4: u32) -> vec2u { return vec2u(select(0u, 1u, column4 >= width4()), min(column4, width4() - 1u)); }
fn columnsOf(place: vec2u) -> vec4u { return vec4u(place.y * 4u) + vec4u(0u, 1u, 2u, 3u); }
/** Where the four rows of B behind a vec4 column begin. */
fn rowsOf(place: vec2u) -> vec4u { return vec4u(u.bOffset) + min(columnsOf(place), vec4u(u.N - 1u)) * u.bRow; }
fn scaled(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  let scale = aScale[u.aScaleOffset + min(row, u.M - 1u)] * bScale[u.bScaleOffset + place.y];
  return select(vec4f(), sum * scale, columnsOf(place) < vec4u(u.N));
}



fn activate(code: u32, x: vec4f) -> vec4f {
  if (code == 0u) { return x; }
  if (code == 1u) { return select(x, vec4f(), x < vec4f()); }
  let isGelu = code == 2u;
  let slope = select(vec4f(1.0), 1.5957691216057308 + 0.07135481627260025 * x * x, isGelu);
  let sigmoid = 1.0 / (1.0 + exp(-x * slope));
  if (code == 4u) { return sigmoid; }
  return select(x * sigmoid, vec4f(), x < vec4f(select(-100.0, -10.0, isGelu)));
}


fn exists(place: vec2u, row: u32) -> bool { return row < u.M && place.x < 1u; }
fn columnBias(place: vec2u) -> vec4f {
  return select(vec4f(), bias[select(0u, u.biasOffset + place.y, u.hasBias == 1u)], u.hasBias == 1u);
}
fn hasEarly() -> bool { return u.accumulate == 1u || u.hasBias == 2u; }
fn early(place: vec2u, row: u32, sum: vec4f) -> vec4f {
  if (!exists(place, row)) { return sum; }
  var value = sum;
  if (u.hasBias == 2u) { value += bias[u.biasOffset + row / 4u][row % 4u]; }
  if (u.accumulate == 1u) { value += c[u.cOffset + row * u.cRow + place.y]; }
  return value;
}
fn store(place: vec2u, row: u32, value: vec4f) {
  if (exists(place, row)) { c[u.cOffset + row * u.cRow + place.y] = activate(u.activation, value); }
}
fn hasLate() -> bool { return u.hasFactor == 1u || u.hasResidual == 1u; }
fn late(place: vec2u, row: u32) {
  if (!exists(place, row)) { return; }
  let to = u.cOffset + row * u.cRow + place.y;
  var value = c[to];
  
  if (u.hasFactor == 1u) { value *= factor[u.factorOffset + row * u.factorRow + place.y]; }
  if (u.hasResidual == 1u) { value += residual[u.residualOffset + row * u.residualRow + place.y]; }
  c[to] = value;
}
fn finish(place: vec2u, row: u32, sum: vec4f) {
  var value = sum;
  if (hasEarly()) { value = early(place, row, value); }
  store(place, row, value + columnBias(place));
  if (hasLate()) { late(place, row); }
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let tile = tileOf(group, groups, 32u, 8u);
  let first = tile.row + local.y * 4u;
  let place = placeOf(tile.column4 + local.x);
  let words = rowsOf(place);
  let start = vec4u(u.aOffset) + min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(u.M - 1u)) * u.aRow;
  var s0 = vec4i(); var s1 = vec4i(); var s2 = vec4i(); var s3 = vec4i();
  for (var k = 0u; k < (u.K + 15u) / 16u; k++) {
    let y0 = b[words.x + k]; let y1 = b[words.y + k]; let y2 = b[words.z + k]; let y3 = b[words.w + k];
    { let x = a[start.x + k];
      s0 += vec4i(dot4I8Packed(x.x, y0.x) + dot4I8Packed(x.y, y0.y) + dot4I8Packed(x.z, y0.z) + dot4I8Packed(x.w, y0.w), dot4I8Packed(x.x, y1.x) + dot4I8Packed(x.y, y1.y) + dot4I8Packed(x.z, y1.z) + dot4I8Packed(x.w, y1.w), dot4I8Packed(x.x, y2.x) + dot4I8Packed(x.y, y2.y) + dot4I8Packed(x.z, y2.z) + dot4I8Packed(x.w, y2.w), dot4I8Packed(x.x, y3.x) + dot4I8Packed(x.y, y3.y) + dot4I8Packed(x.z, y3.z) + dot4I8Packed(x.w, y3.w)); }
    { let x = a[start.y + k];
      s1 += vec4i(dot4I8Packed(x.x, y0.x) + dot4I8Packed(x.y, y0.y) + dot4I8Packed(x.z, y0.z) + dot4I8Packed(x.w, y0.w), dot4I8Packed(x.x, y1.x) + dot4I8Packed(x.y, y1.y) + dot4I8Packed(x.z, y1.z) + dot4I8Packed(x.w, y1.w), dot4I8Packed(x.x, y2.x) + dot4I8Packed(x.y, y2.y) + dot4I8Packed(x.z, y2.z) + dot4I8Packed(x.w, y2.w), dot4I8Packed(x.x, y3.x) + dot4I8Packed(x.y, y3.y) + dot4I8Packed(x.z, y3.z) + dot4I8Packed(x.w, y3.w)); }
    { let x = a[start.z + k];
      s2 += vec4i(dot4I8Packed(x.x, y0.x) + dot4I8Packed(x.y, y0.y) + dot4I8Packed(x.z, y0.z) + dot4I8Packed(x.w, y0.w), dot4I8Packed(x.x, y1.x) + dot4I8Packed(x.y, y1.y) + dot4I8Packed(x.z, y1.z) + dot4I8Packed(x.w, y1.w), dot4I8Packed(x.x, y2.x) + dot4I8Packed(x.y, y2.y) + dot4I8Packed(x.z, y2.z) + dot4I8Packed(x.w, y2.w), dot4I8Packed(x.x, y3.x) + dot4I8Packed(x.y, y3.y) + dot4I8Packed(x.z, y3.z) + dot4I8Packed(x.w, y3.w)); }
    { let x = a[start.w + k];
      s3 += vec4i(dot4I8Packed(x.x, y0.x) + dot4I8Packed(x.y, y0.y) + dot4I8Packed(x.z, y0.z) + dot4I8Packed(x.w, y0.w), dot4I8Packed(x.x, y1.x) + dot4I8Packed(x.y, y1.y) + dot4I8Packed(x.z, y1.z) + dot4I8Packed(x.w, y1.w), dot4I8Packed(x.x, y2.x) + dot4I8Packed(x.y, y2.y) + dot4I8Packed(x.z, y2.z) + dot4I8Packed(x.w, y2.w), dot4I8Packed(x.x, y3.x) + dot4I8Packed(x.y, y3.y) + dot4I8Packed(x.z, y3.z) + dot4I8Packed(x.w, y3.w)); }
  }
  finish(place, first + 0u, scaled(place, first + 0u, vec4f(s0)));
  finish(place, first + 1u, scaled(place, first + 1u, vec4f(s1)));
  finish(place, first + 2u, scaled(place, first + 2u, vec4f(s2)));
  finish(place, first + 3u, scaled(place, first + 3u, vec4f(s3)));
}