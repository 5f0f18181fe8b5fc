enable subgroups;
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
// Lanes leave the loop of steps together: what they compare is a sum over all of them.
@diagnostic(off, subgroup_uniformity)
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  
  if (group >= u.R * u.H) { return; }
  let row = group / u.H;
  let head = group % u.H;
  let length = min(lengths[row], u.L);
  let begin = row * u.L;
  let own = head * (u.D4 + 1u);
  let at = group * (u.D4 + 1u);
  let isWide = u.D4 > 8u;
  let ahead_1 = (lane + 1u) % 8u; let before_1 = (lane + 7u) % 8u;
  let ahead_2 = (lane + 2u) % 8u; let before_2 = (lane + 6u) % 8u;
  let ahead_3 = (lane + 3u) % 8u; let before_3 = (lane + 5u) % 8u;
  let ahead_4 = (lane + 4u) % 8u; let before_4 = (lane + 4u) % 8u;
  let ahead_5 = (lane + 5u) % 8u; let before_5 = (lane + 3u) % 8u;
  let ahead_6 = (lane + 6u) % 8u; let before_6 = (lane + 2u) % 8u;
  let ahead_7 = (lane + 7u) % 8u; let before_7 = (lane + 1u) % 8u;
  let has0 = lane < u.D4;
  let has1 = lane + 8u < u.D4;
  let quad0 = min(lane, u.D4 - 1u);
  let quad1 = min(lane + 8u, u.D4 - 1u);
  var a_0_0 = vec4f(); var a_0_1 = vec4f(); var a_0_2 = vec4f(); var a_0_3 = vec4f();
  var a_1_0 = vec4f(); var a_1_1 = vec4f(); var a_1_2 = vec4f(); var a_1_3 = vec4f();
  var a_2_0 = vec4f(); var a_2_1 = vec4f(); var a_2_2 = vec4f(); var a_2_3 = vec4f();
  var a_3_0 = vec4f(); var a_3_1 = vec4f(); var a_3_2 = vec4f(); var a_3_3 = vec4f();
  var a_4_0 = vec4f(); var a_4_1 = vec4f(); var a_4_2 = vec4f(); var a_4_3 = vec4f();
  var d_0_0 = vec4f(); var d_0_1 = vec4f(); var d_0_2 = vec4f(); var d_0_3 = vec4f();
  var d_1_0 = vec4f(); var d_1_1 = vec4f(); var d_1_2 = vec4f(); var d_1_3 = vec4f();
  var d_2_0 = vec4f(); var d_2_1 = vec4f(); var d_2_2 = vec4f(); var d_2_3 = vec4f();
  var d_3_0 = vec4f(); var d_3_1 = vec4f(); var d_3_2 = vec4f(); var d_3_3 = vec4f();
  var d_4_0 = vec4f(); var d_4_1 = vec4f(); var d_4_2 = vec4f(); var d_4_3 = vec4f();
  var c_0_0 = vec4f(); var c_0_1 = vec4f(); var c_0_2 = vec4f(); var c_0_3 = vec4f();
  var c_1_0 = vec4f(); var c_1_1 = vec4f(); var c_1_2 = vec4f(); var c_1_3 = vec4f();
  var c_2_0 = vec4f(); var c_2_1 = vec4f(); var c_2_2 = vec4f(); var c_2_3 = vec4f();
  var c_3_0 = vec4f(); var c_3_1 = vec4f(); var c_3_2 = vec4f(); var c_3_3 = vec4f();
  var c_4_0 = vec4f(); var c_4_1 = vec4f(); var c_4_2 = vec4f(); var c_4_3 = vec4f();
  var c_5_0 = vec4f(); var c_5_1 = vec4f(); var c_5_2 = vec4f(); var c_5_3 = vec4f();
  var c_6_0 = vec4f(); var c_6_1 = vec4f(); var c_6_2 = vec4f(); var c_6_3 = vec4f();
  var c_7_0 = vec4f(); var c_7_1 = vec4f(); var c_7_2 = vec4f(); var c_7_3 = vec4f();
  var v0 = vec4f(); var v1 = vec4f();
  var b0 = vec4f(); var b1 = vec4f();
  var total = 0.0;
  var right = 0.0;
  for (var first = 0u; first < length; first += 8u) {
    let count = min(8u, length - first);
    let mine = (begin + first + min(lane, count - 1u)) * 2u;
    let weights = signals[mine][head];
    let residuals = signals[mine + 1u][head];
    for (var i = 0u; i < count; i++) {
      let weight = subgroupShuffle(weights, i);
      let pull = weight * subgroupShuffle(residuals, i);
      let event = (begin + first + i) * u.D4;
      let x0 = select(vec4f(), vectors[event + quad0], has0);
      let weighted0 = weight * x0;
      v0 += weighted0; b0 += pull * x0;
      total += weight; right += pull;
      { let other = weighted0; a_0_0 += other[0] * x0; a_0_1 += other[1] * x0; a_0_2 += other[2] * x0; a_0_3 += other[3] * x0; }
      { let other = subgroupShuffle(weighted0, ahead_1); a_1_0 += other[0] * x0; a_1_1 += other[1] * x0; a_1_2 += other[2] * x0; a_1_3 += other[3] * x0; }
      { let other = subgroupShuffle(weighted0, ahead_2); a_2_0 += other[0] * x0; a_2_1 += other[1] * x0; a_2_2 += other[2] * x0; a_2_3 += other[3] * x0; }
      { let other = subgroupShuffle(weighted0, ahead_3); a_3_0 += other[0] * x0; a_3_1 += other[1] * x0; a_3_2 += other[2] * x0; a_3_3 += other[3] * x0; }
      { let other = subgroupShuffle(weighted0, ahead_4); a_4_0 += other[0] * x0; a_4_1 += other[1] * x0; a_4_2 += other[2] * x0; a_4_3 += other[3] * x0; }
      if (isWide) {
      let x1 = select(vec4f(), vectors[event + quad1], has1);
      let weighted1 = weight * x1;
      v1 += weighted1; b1 += pull * x1;
      { let other = weighted1; d_0_0 += other[0] * x1; d_0_1 += other[1] * x1; d_0_2 += other[2] * x1; d_0_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted1, ahead_1); d_1_0 += other[0] * x1; d_1_1 += other[1] * x1; d_1_2 += other[2] * x1; d_1_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted1, ahead_2); d_2_0 += other[0] * x1; d_2_1 += other[1] * x1; d_2_2 += other[2] * x1; d_2_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted1, ahead_3); d_3_0 += other[0] * x1; d_3_1 += other[1] * x1; d_3_2 += other[2] * x1; d_3_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted1, ahead_4); d_4_0 += other[0] * x1; d_4_1 += other[1] * x1; d_4_2 += other[2] * x1; d_4_3 += other[3] * x1; }
      { let other = weighted0; c_0_0 += other[0] * x1; c_0_1 += other[1] * x1; c_0_2 += other[2] * x1; c_0_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_1); c_1_0 += other[0] * x1; c_1_1 += other[1] * x1; c_1_2 += other[2] * x1; c_1_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_2); c_2_0 += other[0] * x1; c_2_1 += other[1] * x1; c_2_2 += other[2] * x1; c_2_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_3); c_3_0 += other[0] * x1; c_3_1 += other[1] * x1; c_3_2 += other[2] * x1; c_3_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_4); c_4_0 += other[0] * x1; c_4_1 += other[1] * x1; c_4_2 += other[2] * x1; c_4_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_5); c_5_0 += other[0] * x1; c_5_1 += other[1] * x1; c_5_2 += other[2] * x1; c_5_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_6); c_6_0 += other[0] * x1; c_6_1 += other[1] * x1; c_6_2 += other[2] * x1; c_6_3 += other[3] * x1; }
      { let other = subgroupShuffle(weighted0, ahead_7); c_7_0 += other[0] * x1; c_7_1 += other[1] * x1; c_7_2 += other[2] * x1; c_7_3 += other[3] * x1; }
      }
    }
  }
  if (u.given == 1u) {
    right = rhs[at + u.D4].x;
    b0 = select(vec4f(), rhs[at + quad0], has0);
    b1 = select(vec4f(), rhs[at + quad1], has1);
  }
  let penalty0 = select(vec4f(1.0), penalty(own + quad0), has0);
  let penalty1 = select(vec4f(1.0), penalty(own + quad1), has1);
  a_0_0[0] += penalty0[0]; a_0_1[1] += penalty0[1]; a_0_2[2] += penalty0[2]; a_0_3[3] += penalty0[3];
  d_0_0[0] += penalty1[0]; d_0_1[1] += penalty1[1]; d_0_2[2] += penalty1[2]; d_0_3[3] += penalty1[3];
  total += penalty(own + u.D4).x;
  let share0 = v0 / -total; let share1 = v1 / -total;
  { let other = share0; a_0_0 += other[0] * v0; a_0_1 += other[1] * v0; a_0_2 += other[2] * v0; a_0_3 += other[3] * v0; }
      { let other = subgroupShuffle(share0, ahead_1); a_1_0 += other[0] * v0; a_1_1 += other[1] * v0; a_1_2 += other[2] * v0; a_1_3 += other[3] * v0; }
      { let other = subgroupShuffle(share0, ahead_2); a_2_0 += other[0] * v0; a_2_1 += other[1] * v0; a_2_2 += other[2] * v0; a_2_3 += other[3] * v0; }
      { let other = subgroupShuffle(share0, ahead_3); a_3_0 += other[0] * v0; a_3_1 += other[1] * v0; a_3_2 += other[2] * v0; a_3_3 += other[3] * v0; }
      { let other = subgroupShuffle(share0, ahead_4); a_4_0 += other[0] * v0; a_4_1 += other[1] * v0; a_4_2 += other[2] * v0; a_4_3 += other[3] * v0; }
    if (isWide) {
      { let other = share1; d_0_0 += other[0] * v1; d_0_1 += other[1] * v1; d_0_2 += other[2] * v1; d_0_3 += other[3] * v1; }
      { let other = subgroupShuffle(share1, ahead_1); d_1_0 += other[0] * v1; d_1_1 += other[1] * v1; d_1_2 += other[2] * v1; d_1_3 += other[3] * v1; }
      { let other = subgroupShuffle(share1, ahead_2); d_2_0 += other[0] * v1; d_2_1 += other[1] * v1; d_2_2 += other[2] * v1; d_2_3 += other[3] * v1; }
      { let other = subgroupShuffle(share1, ahead_3); d_3_0 += other[0] * v1; d_3_1 += other[1] * v1; d_3_2 += other[2] * v1; d_3_3 += other[3] * v1; }
      { let other = subgroupShuffle(share1, ahead_4); d_4_0 += other[0] * v1; d_4_1 += other[1] * v1; d_4_2 += other[2] * v1; d_4_3 += other[3] * v1; }
      { let other = share0; c_0_0 += other[0] * v1; c_0_1 += other[1] * v1; c_0_2 += other[2] * v1; c_0_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_1); c_1_0 += other[0] * v1; c_1_1 += other[1] * v1; c_1_2 += other[2] * v1; c_1_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_2); c_2_0 += other[0] * v1; c_2_1 += other[1] * v1; c_2_2 += other[2] * v1; c_2_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_3); c_3_0 += other[0] * v1; c_3_1 += other[1] * v1; c_3_2 += other[2] * v1; c_3_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_4); c_4_0 += other[0] * v1; c_4_1 += other[1] * v1; c_4_2 += other[2] * v1; c_4_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_5); c_5_0 += other[0] * v1; c_5_1 += other[1] * v1; c_5_2 += other[2] * v1; c_5_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_6); c_6_0 += other[0] * v1; c_6_1 += other[1] * v1; c_6_2 += other[2] * v1; c_6_3 += other[3] * v1; }
      { let other = subgroupShuffle(share0, ahead_7); c_7_0 += other[0] * v1; c_7_1 += other[1] * v1; c_7_2 += other[2] * v1; c_7_3 += other[3] * v1; }
    }
  b0 += share0 * right; b1 += share1 * right;
  let inverse0 = 1.0 / vec4f(a_0_0[0], a_0_1[1], a_0_2[2], a_0_3[3]);
  let inverse1 = 1.0 / vec4f(d_0_0[0], d_0_1[1], d_0_2[2], d_0_3[3]);
  var y0 = vec4f(); var y1 = vec4f();
  var p0 = inverse0 * b0; var p1 = inverse1 * b1;
  var left = subgroupAdd(dot(b0, p0) + dot(b1, p1));
  let enough = left * 1e-13;
  let most = select(4u * u.D4 * 4u + 16u, 0u, left == 0.0);
  for (var step = 0u; step < most; step++) {
    var q0 = vec4f(); var q1 = vec4f();
    { let other = p0; q0 += a_0_0 * other[0] + a_0_1 * other[1] + a_0_2 * other[2] + a_0_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_1); q0 += a_1_0 * other[0] + a_1_1 * other[1] + a_1_2 * other[2] + a_1_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_2); q0 += a_2_0 * other[0] + a_2_1 * other[1] + a_2_2 * other[2] + a_2_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_3); q0 += a_3_0 * other[0] + a_3_1 * other[1] + a_3_2 * other[2] + a_3_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_4); q0 += a_4_0 * other[0] + a_4_1 * other[1] + a_4_2 * other[2] + a_4_3 * other[3]; }
    q0 += subgroupShuffle(vec4f(dot(a_1_0, p0), dot(a_1_1, p0), dot(a_1_2, p0), dot(a_1_3, p0)), before_1);
    q0 += subgroupShuffle(vec4f(dot(a_2_0, p0), dot(a_2_1, p0), dot(a_2_2, p0), dot(a_2_3, p0)), before_2);
    q0 += subgroupShuffle(vec4f(dot(a_3_0, p0), dot(a_3_1, p0), dot(a_3_2, p0), dot(a_3_3, p0)), before_3);
    if (isWide) {
      { let other = p1; q1 += d_0_0 * other[0] + d_0_1 * other[1] + d_0_2 * other[2] + d_0_3 * other[3]; }
    { let other = subgroupShuffle(p1, ahead_1); q1 += d_1_0 * other[0] + d_1_1 * other[1] + d_1_2 * other[2] + d_1_3 * other[3]; }
    { let other = subgroupShuffle(p1, ahead_2); q1 += d_2_0 * other[0] + d_2_1 * other[1] + d_2_2 * other[2] + d_2_3 * other[3]; }
    { let other = subgroupShuffle(p1, ahead_3); q1 += d_3_0 * other[0] + d_3_1 * other[1] + d_3_2 * other[2] + d_3_3 * other[3]; }
    { let other = subgroupShuffle(p1, ahead_4); q1 += d_4_0 * other[0] + d_4_1 * other[1] + d_4_2 * other[2] + d_4_3 * other[3]; }
    q1 += subgroupShuffle(vec4f(dot(d_1_0, p1), dot(d_1_1, p1), dot(d_1_2, p1), dot(d_1_3, p1)), before_1);
    q1 += subgroupShuffle(vec4f(dot(d_2_0, p1), dot(d_2_1, p1), dot(d_2_2, p1), dot(d_2_3, p1)), before_2);
    q1 += subgroupShuffle(vec4f(dot(d_3_0, p1), dot(d_3_1, p1), dot(d_3_2, p1), dot(d_3_3, p1)), before_3);
      { let other = p0; q1 += c_0_0 * other[0] + c_0_1 * other[1] + c_0_2 * other[2] + c_0_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_1); q1 += c_1_0 * other[0] + c_1_1 * other[1] + c_1_2 * other[2] + c_1_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_2); q1 += c_2_0 * other[0] + c_2_1 * other[1] + c_2_2 * other[2] + c_2_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_3); q1 += c_3_0 * other[0] + c_3_1 * other[1] + c_3_2 * other[2] + c_3_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_4); q1 += c_4_0 * other[0] + c_4_1 * other[1] + c_4_2 * other[2] + c_4_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_5); q1 += c_5_0 * other[0] + c_5_1 * other[1] + c_5_2 * other[2] + c_5_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_6); q1 += c_6_0 * other[0] + c_6_1 * other[1] + c_6_2 * other[2] + c_6_3 * other[3]; }
    { let other = subgroupShuffle(p0, ahead_7); q1 += c_7_0 * other[0] + c_7_1 * other[1] + c_7_2 * other[2] + c_7_3 * other[3]; }
    q0 += vec4f(dot(c_0_0, p1), dot(c_0_1, p1), dot(c_0_2, p1), dot(c_0_3, p1));
    q0 += subgroupShuffle(vec4f(dot(c_1_0, p1), dot(c_1_1, p1), dot(c_1_2, p1), dot(c_1_3, p1)), before_1);
    q0 += subgroupShuffle(vec4f(dot(c_2_0, p1), dot(c_2_1, p1), dot(c_2_2, p1), dot(c_2_3, p1)), before_2);
    q0 += subgroupShuffle(vec4f(dot(c_3_0, p1), dot(c_3_1, p1), dot(c_3_2, p1), dot(c_3_3, p1)), before_3);
    q0 += subgroupShuffle(vec4f(dot(c_4_0, p1), dot(c_4_1, p1), dot(c_4_2, p1), dot(c_4_3, p1)), before_4);
    q0 += subgroupShuffle(vec4f(dot(c_5_0, p1), dot(c_5_1, p1), dot(c_5_2, p1), dot(c_5_3, p1)), before_5);
    q0 += subgroupShuffle(vec4f(dot(c_6_0, p1), dot(c_6_1, p1), dot(c_6_2, p1), dot(c_6_3, p1)), before_6);
    q0 += subgroupShuffle(vec4f(dot(c_7_0, p1), dot(c_7_1, p1), dot(c_7_2, p1), dot(c_7_3, p1)), before_7);
    }
    let far = left / subgroupAdd(dot(p0, q0) + dot(p1, q1));
    y0 += far * p0; y1 += far * p1;
    b0 -= far * q0; b1 -= far * q1;
    let z0 = inverse0 * b0; let z1 = inverse1 * b1;
    let next = subgroupAdd(dot(b0, z0) + dot(b1, z1));
    if (next <= enough) { break; }
    let turn = next / left;
    p0 = z0 + turn * p0; p1 = z1 + turn * p1;
    left = next;
  }
  let intercept = (right - subgroupAdd(dot(v0, y0) + dot(v1, y1))) / total;
  let into = u.yOffset + at;
  if (has0) { y[into + lane] = y0; }
  if (has1) { y[into + lane + 8u] = y1; }
  if (lane == 0u) { y[into + u.D4] = vec4f(intercept, 0.0, 0.0, 0.0); }
}