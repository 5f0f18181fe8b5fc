enable subgroups;
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


fn reduceSum(value: f32, lane: u32) -> f32 { return subgroupAdd(value); }
fn reduceSum4(value: vec4f, lane: u32) -> vec4f { return subgroupAdd(value); }
fn reduceMax(value: f32, lane: u32) -> f32 { return subgroupMax(value); }


fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, 4u, n >= first); }
fn channel(event: u32, c: u32) -> f32 { return select(0.0, channels[event * u.C + c], c < u.C); }
fn parameter(row: u32, d: u32) -> vec4f { return parameters[u.pOffset + row * u.D4 + d]; }
/** A quad of a token, without its first four channels. */
fn token(event: u32, id: u32, d: u32) -> vec4f {
  var x = table[id * u.D4 + d];
  for (var c = 4u; c < u.C; c++) { x += channels[event * u.C + c] * parameter(c, d); }
  return x;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let chunks = 1u;
  let firstRow = group / chunks * 4u;
  if (firstRow >= u.R) { return; }
  let first = group % chunks * 4u;
  
  let isOwn = lane < 4u && first + lane < u.D4;
  let ownQuad = min(first + lane, u.D4 - 1u);
  let q_own = select(vec4f(), parameter(u.C, ownQuad), isOwn);
  let mix_0 = select(vec4f(), parameter(min(0u, u.C), ownQuad), isOwn && 0u < u.C);
  let mix_1 = select(vec4f(), parameter(min(1u, u.C), ownQuad), isOwn && 1u < u.C);
  let mix_2 = select(vec4f(), parameter(min(2u, u.C), ownQuad), isOwn && 2u < u.C);
  let mix_3 = select(vec4f(), parameter(min(3u, u.C), ownQuad), isOwn && 3u < u.C);
  let q_0 = subgroupBroadcast(q_own, 0u);
  let q_1 = subgroupBroadcast(q_own, 1u);
  let q_2 = subgroupBroadcast(q_own, 2u);
  let q_3 = subgroupBroadcast(q_own, 3u);
  var along = vec4f(dot(q_own, mix_0), dot(q_own, mix_1), dot(q_own, mix_2), dot(q_own, mix_3));
  
  along = reduceSum4(along, lane);
  let root = inverseSqrt(f32(u.D4 * 4u));
  for (var row = firstRow; row < min(firstRow + 4u, u.R); row++) {
    let length = min(lengths[row], u.L);
    
    let dyAt = row * u.yRow + u.yColumn;
    let own = (row * (u.C + 1u)) * u.D4;
    let g_own = select(vec4f(), dy[dyAt + ownQuad], isOwn);
    let g_0 = subgroupBroadcast(g_own, 0u);
  let g_1 = subgroupBroadcast(g_own, 1u);
  let g_2 = subgroupBroadcast(g_own, 2u);
  let g_3 = subgroupBroadcast(g_own, 3u);
    var gainAlong = vec4f(dot(g_own, mix_0), dot(g_own, mix_1), dot(g_own, mix_2), dot(g_own, mix_3));
    
    gainAlong = reduceSum4(gainAlong, lane);
    var even_0 = vec4f(); var steep_0 = vec4f(); var even_1 = vec4f(); var steep_1 = vec4f(); var even_2 = vec4f(); var steep_2 = vec4f(); var even_3 = vec4f(); var steep_3 = vec4f();
    var evenShares = vec4f();
    var steepShares = vec4f();
    var top = -3.4e38;
    var total = 0.0;
    var gains = 0.0;
    
    for (var l = lane; l < length + lane; l += 8u) {
      let counts = l < length;
      let event = row * u.L + min(l, length - 1u);
      let id = ids[event];
      var t_0 = select(vec4f(), table[id * u.D4 + min(first + 0u, u.D4 - 1u)], first + 0u < u.D4);
      var t_1 = select(vec4f(), table[id * u.D4 + min(first + 1u, u.D4 - 1u)], first + 1u < u.D4);
      var t_2 = select(vec4f(), table[id * u.D4 + min(first + 2u, u.D4 - 1u)], first + 2u < u.D4);
      var t_3 = select(vec4f(), table[id * u.D4 + min(first + 3u, u.D4 - 1u)], first + 3u < u.D4);
      
      let shares = vec4f(channel(event, 0u), channel(event, 1u), channel(event, 2u), channel(event, 3u));
      var gain = 0.0;
      var score = dot(shares, along) + sum4(q_0 * t_0 + q_1 * t_1 + q_2 * t_2 + q_3 * t_3);
      
      score *= root;
      
      gain += dot(shares, gainAlong) + sum4(g_0 * t_0 + g_1 * t_1 + g_2 * t_2 + g_3 * t_3);
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
      top = next;
      if (counts) { dx[event * u.D4 + first] = vec4f(score, gain, 0.0, 0.0); }
    }
    let rowTop = reduceMax(top, lane);
    let portion = exp(top - rowTop);
    let scalars = reduceSum4(vec4f(total, gains, 0.0, 0.0) * portion, lane);
    let rowTotal = scalars.x;
    let mean = scalars.y / rowTotal;
    var sum_own = vec4f();
    sum_own = select(sum_own, subgroupAdd((steep_0 - mean * even_0) * portion), lane == 0u);
    sum_own = select(sum_own, subgroupAdd((steep_1 - mean * even_1) * portion), lane == 1u);
    sum_own = select(sum_own, subgroupAdd((steep_2 - mean * even_2) * portion), lane == 2u);
    sum_own = select(sum_own, subgroupAdd((steep_3 - mean * even_3) * portion), lane == 3u);
    let sum_0 = subgroupAdd((steepShares - mean * evenShares) * portion);
    let sum_1 = subgroupAdd(evenShares * portion);
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
    
    
    for (var l = lane; l < length; l += 8u) {
      let event = row * u.L + l;
      let stored = dx[event * u.D4 + first];
      let weight = exp(stored.x - rowTop) / rowTotal;
      let slope = weight * (stored.y - mean) * root;
      if (first + 0u < u.D4) { dx[event * u.D4 + first + 0u] = weight * g_0 + slope * q_0; }
      if (first + 1u < u.D4) { dx[event * u.D4 + first + 1u] = weight * g_1 + slope * q_1; }
      if (first + 2u < u.D4) { dx[event * u.D4 + first + 2u] = weight * g_2 + slope * q_2; }
      if (first + 3u < u.D4) { dx[event * u.D4 + first + 3u] = weight * g_3 + slope * q_3; }
    }
  }
}