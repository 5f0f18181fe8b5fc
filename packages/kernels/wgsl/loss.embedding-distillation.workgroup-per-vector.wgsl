@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> teacher: array<vec4f>;
@group(0) @binding(2) var<storage, read> rowWeights: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { V: u32, K: u32, D4: u32, xOffset: u32, xRow: u32, tOffset: u32, tRow: u32, normalized: u32, scale: f32, accumulate: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;



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


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let v = group;
  if (v >= u.V) { return; }
  let D4 = u.D4;
  let row = v / u.K;
  let place = (v % u.K) * D4;
  let xStart = u.xOffset + row * u.xRow + place;
  let tStart = u.tOffset + row * u.tRow + place;
  var xScale = 1.0;
  var tScale = 1.0;
  var along = 0.0;
  if (u.normalized != 0u) {
    // ‖x‖², ‖t‖² and x · t
    var moments = vec4f();
    for (var i = lane; i < D4; i += 64u) {
      let a = x[xStart + i];
      let b = teacher[tStart + i];
      moments += vec4f(dot(a, a), dot(b, b), dot(a, b), 0.0);
    }
    moments = reduceSum4(moments, lane);
    xScale = inverseSqrt(moments.x + 1e-8);
    tScale = inverseSqrt(moments.y + 1e-8);
    // x̂ · (x̂ − t̂): the part of the difference that a longer x would not feel
    along = xScale * (moments.x * xScale - moments.z * tScale);
  }
  let D = f32(D4 * 4u);
  let slope = rowWeights[row] * u.scale * 2.0 / D * xScale;
  let accumulate = u.accumulate != 0u;
  var squares = vec4f();
  for (var i = lane; i < D4; i += 64u) {
    let a = x[xStart + i] * xScale;
    let difference = a - teacher[tStart + i] * tScale;
    squares += difference * difference;
    var gradient = slope * (difference - select(vec4f(), a * along, u.normalized != 0u));
    if (accumulate) { gradient += dx[xStart + i]; }
    dx[xStart + i] = gradient;
  }
  squares = reduceSum4(squares, lane);
  if (lane > 0u) { return; }
  loss[v] = dot(squares, vec4f(1.0)) / D;
}