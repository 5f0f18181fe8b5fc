enable subgroups;
@group(0) @binding(0) var<storage, read> table: array<vec4f>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> channels: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<u32>;
@group(0) @binding(4) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, L: u32, C: u32, D4: u32, pOffset: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(6) var<uniform> u: Uniforms;


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
    
    var y_0 = vec4f(); var y_1 = vec4f(); var y_2 = vec4f(); var y_3 = vec4f();
    var mixed = vec4f();
    var top = -3.4e38;
    var total = 0.0;
    
    for (var l = lane; l < length + lane; l += 8u) {
      let counts = l < length;
      let event = row * u.L + min(l, length - 1u);
      let id = ids[event];
      var t_0 = select(vec4f(), table[id * u.D4 + min(first + 0u, u.D4 - 1u)], first + 0u < u.D4);
      var t_1 = select(vec4f(), table[id * u.D4 + min(first + 1u, u.D4 - 1u)], first + 1u < u.D4);
      var t_2 = select(vec4f(), table[id * u.D4 + min(first + 2u, u.D4 - 1u)], first + 2u < u.D4);
      var t_3 = select(vec4f(), table[id * u.D4 + min(first + 3u, u.D4 - 1u)], first + 3u < u.D4);
      
      let shares = vec4f(channel(event, 0u), channel(event, 1u), channel(event, 2u), channel(event, 3u));
      
      var score = dot(shares, along) + sum4(q_0 * t_0 + q_1 * t_1 + q_2 * t_2 + q_3 * t_3);
      
      score *= root;
      
      let next = select(top, score, counts && score > top);
      let shrink = exp(top - next);
      let power = select(0.0, exp(score - next), counts);
      total = total * shrink + power;
      mixed = mixed * shrink + power * shares;
      y_0 = y_0 * shrink + power * t_0; y_1 = y_1 * shrink + power * t_1; y_2 = y_2 * shrink + power * t_2; y_3 = y_3 * shrink + power * t_3;
      top = next;
    }
    let share = exp(top - reduceMax(top, lane));
    let rowTotal = reduceSum(total * share, lane);
    var sum_own = vec4f();
    sum_own = select(sum_own, subgroupAdd(y_0 * share), lane == 0u);
    sum_own = select(sum_own, subgroupAdd(y_1 * share), lane == 1u);
    sum_own = select(sum_own, subgroupAdd(y_2 * share), lane == 2u);
    sum_own = select(sum_own, subgroupAdd(y_3 * share), lane == 3u);
    let sum_0 = subgroupAdd(mixed * share);
    if (isOwn) {
      let m = sum_0;
      let value = sum_own + m[0] * mix_0 + m[1] * mix_1 + m[2] * mix_2 + m[3] * mix_3;
      y[row * u.yRow + u.yColumn + first + lane] = select(vec4f(), value / rowTotal, length > 0u);
    }
  }
}