@group(0) @binding(0) var<storage, read> table: array<vec4f>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> channels: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4f>;
struct Uniforms { R: u32, L: u32, C: u32, D4: u32, pOffset: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;



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

var<workgroup> shared_quads: array<vec4f, 640>;
var<workgroup> shared_sums: array<vec4f, 64>;
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, 8u, n >= first); }
fn channel(event: u32, c: u32) -> f32 { return select(0.0, channels[event * u.C + c], c < u.C); }
fn parameter(row: u32, d: u32) -> vec4f { return parameters[u.pOffset + row * u.D4 + d]; }
/** A quad of a token, without its first four channels. */
fn token(event: u32, id: u32, d: u32) -> vec4f {
  var x = table[id * u.D4 + d];
  for (var c = 4u; c < u.C; c++) { x += channels[event * u.C + c] * parameter(c, d); }
  return x;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let chunks = (u.D4 + 7u) / 8u;
  let firstRow = group / chunks * 1u;
  if (firstRow >= u.R) { return; }
  let first = group % chunks * 8u;
  let outside = u.D4 - min(8u, u.D4 - first);
  let isOwn = lane < 8u && first + lane < u.D4;
  let ownQuad = min(first + lane, u.D4 - 1u);
  let q_own = select(vec4f(), parameter(u.C, ownQuad), isOwn);
  let mix_0 = select(vec4f(), parameter(min(0u, u.C), ownQuad), isOwn && 0u < u.C);
  let mix_1 = select(vec4f(), parameter(min(1u, u.C), ownQuad), isOwn && 1u < u.C);
  let mix_2 = select(vec4f(), parameter(min(2u, u.C), ownQuad), isOwn && 2u < u.C);
  let mix_3 = select(vec4f(), parameter(min(3u, u.C), ownQuad), isOwn && 3u < u.C);
  let q_0 = select(vec4f(), parameter(u.C, min(first + 0u, u.D4 - 1u)), first + 0u < u.D4);
  let q_1 = select(vec4f(), parameter(u.C, min(first + 1u, u.D4 - 1u)), first + 1u < u.D4);
  let q_2 = select(vec4f(), parameter(u.C, min(first + 2u, u.D4 - 1u)), first + 2u < u.D4);
  let q_3 = select(vec4f(), parameter(u.C, min(first + 3u, u.D4 - 1u)), first + 3u < u.D4);
  let q_4 = select(vec4f(), parameter(u.C, min(first + 4u, u.D4 - 1u)), first + 4u < u.D4);
  let q_5 = select(vec4f(), parameter(u.C, min(first + 5u, u.D4 - 1u)), first + 5u < u.D4);
  let q_6 = select(vec4f(), parameter(u.C, min(first + 6u, u.D4 - 1u)), first + 6u < u.D4);
  let q_7 = select(vec4f(), parameter(u.C, min(first + 7u, u.D4 - 1u)), first + 7u < u.D4);
  var along = vec4f(dot(q_own, mix_0), dot(q_own, mix_1), dot(q_own, mix_2), dot(q_own, mix_3));
  for (var n = lane; n < outside; n += 64u) {
    let d = column(n, first);
    along += vec4f(select(0.0, dot(parameter(u.C, d), parameter(min(0u, u.C), d)), 0u < u.C), select(0.0, dot(parameter(u.C, d), parameter(min(1u, u.C), d)), 1u < u.C), select(0.0, dot(parameter(u.C, d), parameter(min(2u, u.C), d)), 2u < u.C), select(0.0, dot(parameter(u.C, d), parameter(min(3u, u.C), d)), 3u < u.C));
  }
  along = reduceSum4(along, lane);
  let root = inverseSqrt(f32(u.D4 * 4u));
  for (var row = firstRow; row < min(firstRow + 1u, u.R); row++) {
    let length = min(lengths[row], u.L);
    
    let dyAt = row * u.yRow + u.yColumn;
    let own = (row * (u.C + 1u)) * u.D4;
    let g_own = select(vec4f(), dy[dyAt + ownQuad], isOwn);
    let g_0 = select(vec4f(), dy[dyAt + min(first + 0u, u.D4 - 1u)], first + 0u < u.D4);
  let g_1 = select(vec4f(), dy[dyAt + min(first + 1u, u.D4 - 1u)], first + 1u < u.D4);
  let g_2 = select(vec4f(), dy[dyAt + min(first + 2u, u.D4 - 1u)], first + 2u < u.D4);
  let g_3 = select(vec4f(), dy[dyAt + min(first + 3u, u.D4 - 1u)], first + 3u < u.D4);
  let g_4 = select(vec4f(), dy[dyAt + min(first + 4u, u.D4 - 1u)], first + 4u < u.D4);
  let g_5 = select(vec4f(), dy[dyAt + min(first + 5u, u.D4 - 1u)], first + 5u < u.D4);
  let g_6 = select(vec4f(), dy[dyAt + min(first + 6u, u.D4 - 1u)], first + 6u < u.D4);
  let g_7 = select(vec4f(), dy[dyAt + min(first + 7u, u.D4 - 1u)], first + 7u < u.D4);
    var gainAlong = vec4f(dot(g_own, mix_0), dot(g_own, mix_1), dot(g_own, mix_2), dot(g_own, mix_3));
    for (var n = lane; n < outside; n += 64u) {
      let d = column(n, first);
      gainAlong += vec4f(select(0.0, dot(dy[dyAt + d], parameter(min(0u, u.C), d)), 0u < u.C), select(0.0, dot(dy[dyAt + d], parameter(min(1u, u.C), d)), 1u < u.C), select(0.0, dot(dy[dyAt + d], parameter(min(2u, u.C), d)), 2u < u.C), select(0.0, dot(dy[dyAt + d], parameter(min(3u, u.C), d)), 3u < u.C));
    }
    gainAlong = reduceSum4(gainAlong, lane);
    var even_0 = vec4f(); var steep_0 = vec4f(); var even_1 = vec4f(); var steep_1 = vec4f(); var even_2 = vec4f(); var steep_2 = vec4f(); var even_3 = vec4f(); var steep_3 = vec4f(); var even_4 = vec4f(); var steep_4 = vec4f(); var even_5 = vec4f(); var steep_5 = vec4f(); var even_6 = vec4f(); var steep_6 = vec4f(); var even_7 = vec4f(); var steep_7 = vec4f();
    var evenShares = vec4f();
    var steepShares = vec4f();
    var top = -3.4e38;
    var total = 0.0;
    var gains = 0.0;
    
    for (var l = lane; l < length + lane; l += 64u) {
      let counts = l < length;
      let event = row * u.L + min(l, length - 1u);
      let id = ids[event];
      var t_0 = select(vec4f(), table[id * u.D4 + min(first + 0u, u.D4 - 1u)], first + 0u < u.D4);
      var t_1 = select(vec4f(), table[id * u.D4 + min(first + 1u, u.D4 - 1u)], first + 1u < u.D4);
      var t_2 = select(vec4f(), table[id * u.D4 + min(first + 2u, u.D4 - 1u)], first + 2u < u.D4);
      var t_3 = select(vec4f(), table[id * u.D4 + min(first + 3u, u.D4 - 1u)], first + 3u < u.D4);
      var t_4 = select(vec4f(), table[id * u.D4 + min(first + 4u, u.D4 - 1u)], first + 4u < u.D4);
      var t_5 = select(vec4f(), table[id * u.D4 + min(first + 5u, u.D4 - 1u)], first + 5u < u.D4);
      var t_6 = select(vec4f(), table[id * u.D4 + min(first + 6u, u.D4 - 1u)], first + 6u < u.D4);
      var t_7 = select(vec4f(), table[id * u.D4 + min(first + 7u, u.D4 - 1u)], first + 7u < u.D4);
      for (var c = 4u; c < u.C; c++) {
        let share = channels[event * u.C + c];
        t_0 += select(vec4f(), share * parameter(c, min(first + 0u, u.D4 - 1u)), first + 0u < u.D4);
        t_1 += select(vec4f(), share * parameter(c, min(first + 1u, u.D4 - 1u)), first + 1u < u.D4);
        t_2 += select(vec4f(), share * parameter(c, min(first + 2u, u.D4 - 1u)), first + 2u < u.D4);
        t_3 += select(vec4f(), share * parameter(c, min(first + 3u, u.D4 - 1u)), first + 3u < u.D4);
        t_4 += select(vec4f(), share * parameter(c, min(first + 4u, u.D4 - 1u)), first + 4u < u.D4);
        t_5 += select(vec4f(), share * parameter(c, min(first + 5u, u.D4 - 1u)), first + 5u < u.D4);
        t_6 += select(vec4f(), share * parameter(c, min(first + 6u, u.D4 - 1u)), first + 6u < u.D4);
        t_7 += select(vec4f(), share * parameter(c, min(first + 7u, u.D4 - 1u)), first + 7u < u.D4);
      }
      let shares = vec4f(channel(event, 0u), channel(event, 1u), channel(event, 2u), channel(event, 3u));
      var gain = 0.0;
      var score = dot(shares, along) + sum4(q_0 * t_0 + q_1 * t_1 + q_2 * t_2 + q_3 * t_3 + q_4 * t_4 + q_5 * t_5 + q_6 * t_6 + q_7 * t_7);
      for (var n = 0u; n < outside; n++) {
        let d = column(n, first);
        let x = token(event, id, d);
        score += dot(parameter(u.C, d), x);
        gain += dot(dy[dyAt + d], x);
      }
      score *= root;
      
      gain += dot(shares, gainAlong) + sum4(g_0 * t_0 + g_1 * t_1 + g_2 * t_2 + g_3 * t_3 + g_4 * t_4 + g_5 * t_5 + g_6 * t_6 + g_7 * t_7);
      let next = select(top, score, counts && score > top);
      let shrink = exp(top - next);
      let power = select(0.0, exp(score - next), counts);
      let steep = power * gain;
      total = total * shrink + power;
      gains = gains * shrink + steep;
      evenShares = evenShares * shrink + power * shares;
      steepShares = steepShares * shrink + steep * shares;
      even_0 = even_0 * shrink + power * t_0; steep_0 = steep_0 * shrink + steep * t_0;
      even_1 = even_1 * shrink + power * t_1; steep_1 = steep_1 * shrink + steep * t_1;
      even_2 = even_2 * shrink + power * t_2; steep_2 = steep_2 * shrink + steep * t_2;
      even_3 = even_3 * shrink + power * t_3; steep_3 = steep_3 * shrink + steep * t_3;
      even_4 = even_4 * shrink + power * t_4; steep_4 = steep_4 * shrink + steep * t_4;
      even_5 = even_5 * shrink + power * t_5; steep_5 = steep_5 * shrink + steep * t_5;
      even_6 = even_6 * shrink + power * t_6; steep_6 = steep_6 * shrink + steep * t_6;
      even_7 = even_7 * shrink + power * t_7; steep_7 = steep_7 * shrink + steep * t_7;
      top = next;
      if (counts) { dx[event * u.D4 + first] = vec4f(score, gain, 0.0, 0.0); }
    }
    let rowTop = reduceMax(top, lane);
    let portion = exp(top - rowTop);
    let scalars = reduceSum4(vec4f(total, gains, 0.0, 0.0) * portion, lane);
    let rowTotal = scalars.x;
    let mean = scalars.y / rowTotal;
    
    shared_quads[0u + lane] = (steep_0 - mean * even_0) * portion;
    shared_quads[64u + lane] = (steep_1 - mean * even_1) * portion;
    shared_quads[128u + lane] = (steep_2 - mean * even_2) * portion;
    shared_quads[192u + lane] = (steep_3 - mean * even_3) * portion;
    shared_quads[256u + lane] = (steep_4 - mean * even_4) * portion;
    shared_quads[320u + lane] = (steep_5 - mean * even_5) * portion;
    shared_quads[384u + lane] = (steep_6 - mean * even_6) * portion;
    shared_quads[448u + lane] = (steep_7 - mean * even_7) * portion;
    shared_quads[512u + lane] = (steepShares - mean * evenShares) * portion;
    shared_quads[576u + lane] = evenShares * portion;
    workgroupBarrier();
    {
      var sum = vec4f();
      let at = min(lane % 16u, 9u) * 64u + lane / 16u * 16u;
      for (var i = 0u; i < 16u; i++) { sum += shared_quads[at + i]; }
      shared_sums[lane] = sum;
    }
    workgroupBarrier();
    let sum_own = (shared_sums[(lane % 16u)] + shared_sums[(lane % 16u) + 16u]) + (shared_sums[(lane % 16u) + 32u] + shared_sums[(lane % 16u) + 48u]);
    let sum_0 = (shared_sums[8u] + shared_sums[8u + 16u]) + (shared_sums[8u + 32u] + shared_sums[8u + 48u]);
    let sum_1 = (shared_sums[9u] + shared_sums[9u + 16u]) + (shared_sums[9u + 32u] + shared_sums[9u + 48u]);
    let slopes = sum_0 * root / rowTotal;
    let weights = sum_1 / rowTotal;
    if (isOwn) {
      let live = length > 0u;
      let byToken = sum_own * root / rowTotal;
      let byQuery = byToken + slopes[0] * mix_0 + slopes[1] * mix_1 + slopes[2] * mix_2 + slopes[3] * mix_3;
      partial[own + u.C * u.D4 + first + lane] = select(vec4f(), byQuery, live);
      if (0u < u.C) { partial[own + 0u * u.D4 + first + lane] = select(vec4f(), weights[0] * g_own + slopes[0] * q_own, live); }
      if (1u < u.C) { partial[own + 1u * u.D4 + first + lane] = select(vec4f(), weights[1] * g_own + slopes[1] * q_own, live); }
      if (2u < u.C) { partial[own + 2u * u.D4 + first + lane] = select(vec4f(), weights[2] * g_own + slopes[2] * q_own, live); }
      if (3u < u.C) { partial[own + 3u * u.D4 + first + lane] = select(vec4f(), weights[3] * g_own + slopes[3] * q_own, live); }
    }
    for (var c = 4u; c < u.C; c++) {
      var sums = vec2f();
      
    for (var l = lane; l < length; l += 64u) {
      let event = row * u.L + l;
      let stored = dx[event * u.D4 + first];
      let weight = exp(stored.x - rowTop) / rowTotal;
      let slope = weight * (stored.y - mean) * root;
      sums += vec2f(weight, slope) * channels[event * u.C + c];
    }
      let byWeight = reduceSum(sums.x, lane);
      let bySlope = reduceSum(sums.y, lane);
      if (isOwn) { partial[own + c * u.D4 + first + lane] = byWeight * g_own + bySlope * q_own; }
    }
    
    for (var l = lane; l < length; l += 64u) {
      let event = row * u.L + l;
      let stored = dx[event * u.D4 + first];
      let weight = exp(stored.x - rowTop) / rowTotal;
      let slope = weight * (stored.y - mean) * root;
      if (first + 0u < u.D4) { dx[event * u.D4 + first + 0u] = weight * g_0 + slope * q_0; }
      if (first + 1u < u.D4) { dx[event * u.D4 + first + 1u] = weight * g_1 + slope * q_1; }
      if (first + 2u < u.D4) { dx[event * u.D4 + first + 2u] = weight * g_2 + slope * q_2; }
      if (first + 3u < u.D4) { dx[event * u.D4 + first + 3u] = weight * g_3 + slope * q_3; }
      if (first + 4u < u.D4) { dx[event * u.D4 + first + 4u] = weight * g_4 + slope * q_4; }
      if (first + 5u < u.D4) { dx[event * u.D4 + first + 5u] = weight * g_5 + slope * q_5; }
      if (first + 6u < u.D4) { dx[event * u.D4 + first + 6u] = weight * g_6 + slope * q_6; }
      if (first + 7u < u.D4) { dx[event * u.D4 + first + 7u] = weight * g_7 + slope * q_7; }
    }
  }
}