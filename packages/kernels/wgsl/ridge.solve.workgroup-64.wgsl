@group(0) @binding(0) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(1) var<storage, read> signals: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> ridge: array<vec4f>;
@group(0) @binding(4) var<storage, read> rhs: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, L: u32, H: u32, D4: u32, given: u32, yOffset: u32 }
@group(0) @binding(6) var<uniform> u: Uniforms;



fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }

fn penalty(at: u32) -> vec4f {
  let value = ridge[at];
  return vec4f(exponential(value.x), exponential(value.y), exponential(value.z), exponential(value.w));
}


var<workgroup> reduceSum_values: array<f32, 64>;
var<workgroup> reduceSum_groups: array<f32, 8>;
fn reduceSum(value: f32, lane: u32) -> f32 {
  reduceSum_values[lane] = value;
  workgroupBarrier();
  if (lane < 8u) {
    var a = reduceSum_values[lane * 8u];
    for (var i = 1u; i < 8u; i++) { let b = reduceSum_values[lane * 8u + i]; a = a + b; }
    reduceSum_groups[lane] = a;
  }
  workgroupBarrier();
  var a = reduceSum_groups[0];
  for (var i = 1u; i < 8u; i++) { let b = reduceSum_groups[i]; a = a + b; }
  return a;
}

var<workgroup> reduceSum4_values: array<vec4f, 64>;
var<workgroup> reduceSum4_groups: array<vec4f, 8>;
fn reduceSum4(value: vec4f, lane: u32) -> vec4f {
  reduceSum4_values[lane] = value;
  workgroupBarrier();
  if (lane < 8u) {
    var a = reduceSum4_values[lane * 8u];
    for (var i = 1u; i < 8u; i++) { let b = reduceSum4_values[lane * 8u + i]; a = a + b; }
    reduceSum4_groups[lane] = a;
  }
  workgroupBarrier();
  var a = reduceSum4_groups[0];
  for (var i = 1u; i < 8u; i++) { let b = reduceSum4_groups[i]; a = a + b; }
  return a;
}

var<workgroup> reduceMax_values: array<f32, 64>;
var<workgroup> reduceMax_groups: array<f32, 8>;
fn reduceMax(value: f32, lane: u32) -> f32 {
  reduceMax_values[lane] = value;
  workgroupBarrier();
  if (lane < 8u) {
    var a = reduceMax_values[lane * 8u];
    for (var i = 1u; i < 8u; i++) { let b = reduceMax_values[lane * 8u + i]; a = max(a, b); }
    reduceMax_groups[lane] = a;
  }
  workgroupBarrier();
  var a = reduceMax_groups[0];
  for (var i = 1u; i < 8u; i++) { let b = reduceMax_groups[i]; a = max(a, b); }
  return a;
}

var<workgroup> along: array<f32, 256>;
var<workgroup> columns: array<f32, 64>;
var<workgroup> isDone: u32;
fn quadOf(q: u32) -> vec4f {
  return vec4f(columns[q * 4u], columns[q * 4u + 1u], columns[q * 4u + 2u], columns[q * 4u + 3u]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  
  if (group >= u.R * u.H) { return; }
  let row = group / u.H;
  let head = group % u.H;
  let length = min(lengths[row], u.L);
  let begin = row * u.L;
  let own = head * (u.D4 + 1u);
  let at = group * (u.D4 + 1u);
  let has = lane < u.D4 * 4u;
  let quad = min(lane / 4u, u.D4 - 1u);
  let part = lane % 4u;
  let weak = select(1.0, penalty(own + quad)[part], has);
  var diagonal = weak;
  var v = 0.0;
  var b = 0.0;
  var total = 0.0;
  var right = 0.0;
  for (var l = begin; l < begin + length; l++) {
    let weight = signals[l * 2u][head];
    let pull = weight * signals[l * 2u + 1u][head];
    let x = select(0.0, vectors[l * u.D4 + quad][part], has);
    v += weight * x;
    b += pull * x;
    diagonal += weight * x * x;
    total += weight;
    right += pull;
  }
  if (u.given == 1u) {
    right = rhs[at + u.D4].x;
    b = select(0.0, rhs[at + quad][part], has);
  }
  total += penalty(own + u.D4).x;
  b -= v * right / total;
  diagonal -= v * v / total;
  var coefficient = 0.0;
  var p = b / diagonal;
  var left = reduceSum(b * p, lane);
  let enough = left * 1e-13;
  if (lane == 0u) { isDone = select(0u, 1u, left == 0.0); }
  for (var step = 0u; step < 4u * u.D4 * 4u + 16u; step++) {
    if (workgroupUniformLoad(&isDone) == 1u) { break; }
    columns[lane] = p;
    let center = reduceSum(v * p, lane) / total;
    var q = weak * p;
    for (var first = begin; first < begin + length; first += 256u) {
      let count = min(256u, begin + length - first);
      for (var i = lane; i < count; i += 64u) {
        var score = -center;
        for (var k = 0u; k < u.D4; k++) { score += dot(vectors[(first + i) * u.D4 + k], quadOf(k)); }
        along[i] = signals[(first + i) * 2u][head] * score;
      }
      workgroupBarrier();
      for (var i = 0u; i < count; i++) { q += along[i] * select(0.0, vectors[(first + i) * u.D4 + quad][part], has); }
      workgroupBarrier();
    }
    let far = left / reduceSum(p * q, lane);
    coefficient += far * p;
    b -= far * q;
    let z = b / diagonal;
    let next = reduceSum(b * z, lane);
    if (lane == 0u && next <= enough) { isDone = 1u; }
    p = z + next / left * p;
    left = next;
  }
  let intercept = (right - reduceSum(v * coefficient, lane)) / total;
  columns[lane] = coefficient;
  workgroupBarrier();
  let into = u.yOffset + at;
  if (lane < u.D4) { y[into + lane] = quadOf(lane); }
  if (lane == 0u) { y[into + u.D4] = vec4f(intercept, 0.0, 0.0, 0.0); }
}