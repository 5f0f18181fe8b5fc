@group(0) @binding(0) var<storage, read> products: array<vec4f>;
@group(0) @binding(1) var<storage, read> count: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> masked: array<vec4f>;
struct Uniforms { D: u32, pRow: u32, scale: f32 }
@group(0) @binding(4) var<uniform> u: Uniforms;



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
  let i = group;
  let D = u.D;
  if (i >= D) { return; }
  let n = count[0];
  let inverse = 1.0 / select(n - 1.0, 1.0, n < 2.0);
  let slope = 4.0 * u.scale / f32(D) * inverse;
  let start = i * u.pRow;
  var squares = vec4f();
  for (var q = lane; q * 4u < D; q += 64u) {
    let j = vec4u(q * 4u) + vec4u(0u, 1u, 2u, 3u);
    let c = select(vec4f(), products[start + q] * inverse, (j != vec4u(i)) & (j < vec4u(D)));
    squares += c * c;
    masked[start + q] = slope * c;
  }
  squares = reduceSum4(squares, lane);
  if (lane > 0u) { return; }
  loss[i] = dot(squares, vec4f(1.0)) / f32(D);
}