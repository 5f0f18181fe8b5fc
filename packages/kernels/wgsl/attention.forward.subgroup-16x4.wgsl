enable subgroups;
@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> lses: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, causal: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, 16u, n >= first); }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.L + 31u) / 32u;
  let chunks = (u.D + 15u) / 16u;
  if (group >= u.B * u.H * blocks * chunks) { return; }
  let first = (group % chunks) * 16u;
  let start = (group / chunks) % blocks * 32u;
  let end = start + 32u;
  let sequence = group / chunks / blocks;
  let h = sequence % u.H;
  let b = sequence / u.H;
  let place = b * u.L;
  let length = min(lengths[b], u.L);
  let outside = u.D - min(16u, u.D - first);
  let headAt = place * u.row + h * u.D;
  let qAt = u.qOffset + headAt;
  let kAt = u.kOffset + headAt;
  let vAt = u.vOffset + headAt;
  let gAt = u.yOffset + place * u.yRow + h * u.D;
  let scalarsAt = sequence * u.L;
  let scale = inverseSqrt(f32(u.D));
  let own0 = start + 0u + lane; let place0 = min(own0, u.L - 1u);
  
  let last0 = select(u.L, own0, u.causal == 1u);
  let qAt0 = qAt + place0 * u.row;
  let q0_0 = vec4f(select(0.0, qkv[qAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q0_1 = vec4f(select(0.0, qkv[qAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q0_2 = vec4f(select(0.0, qkv[qAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q0_3 = vec4f(select(0.0, qkv[qAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var top0 = -3.4e38;
  var total0 = 0.0;
  var y0_0 = vec4f(); var y0_1 = vec4f(); var y0_2 = vec4f(); var y0_3 = vec4f();
  let own1 = start + 8u + lane; let place1 = min(own1, u.L - 1u);
  
  let last1 = select(u.L, own1, u.causal == 1u);
  let qAt1 = qAt + place1 * u.row;
  let q1_0 = vec4f(select(0.0, qkv[qAt1 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt1 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt1 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt1 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q1_1 = vec4f(select(0.0, qkv[qAt1 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt1 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt1 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt1 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q1_2 = vec4f(select(0.0, qkv[qAt1 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt1 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt1 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt1 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q1_3 = vec4f(select(0.0, qkv[qAt1 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt1 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt1 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt1 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var top1 = -3.4e38;
  var total1 = 0.0;
  var y1_0 = vec4f(); var y1_1 = vec4f(); var y1_2 = vec4f(); var y1_3 = vec4f();
  let own2 = start + 16u + lane; let place2 = min(own2, u.L - 1u);
  
  let last2 = select(u.L, own2, u.causal == 1u);
  let qAt2 = qAt + place2 * u.row;
  let q2_0 = vec4f(select(0.0, qkv[qAt2 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt2 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt2 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt2 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q2_1 = vec4f(select(0.0, qkv[qAt2 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt2 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt2 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt2 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q2_2 = vec4f(select(0.0, qkv[qAt2 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt2 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt2 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt2 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q2_3 = vec4f(select(0.0, qkv[qAt2 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt2 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt2 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt2 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var top2 = -3.4e38;
  var total2 = 0.0;
  var y2_0 = vec4f(); var y2_1 = vec4f(); var y2_2 = vec4f(); var y2_3 = vec4f();
  let own3 = start + 24u + lane; let place3 = min(own3, u.L - 1u);
  
  let last3 = select(u.L, own3, u.causal == 1u);
  let qAt3 = qAt + place3 * u.row;
  let q3_0 = vec4f(select(0.0, qkv[qAt3 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt3 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt3 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt3 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q3_1 = vec4f(select(0.0, qkv[qAt3 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt3 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt3 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt3 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q3_2 = vec4f(select(0.0, qkv[qAt3 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt3 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt3 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt3 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q3_3 = vec4f(select(0.0, qkv[qAt3 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt3 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt3 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt3 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var top3 = -3.4e38;
  var total3 = 0.0;
  var y3_0 = vec4f(); var y3_1 = vec4f(); var y3_2 = vec4f(); var y3_3 = vec4f();
  let begin = 0u;
  let stop = select(select(length, min(length, end), u.causal == 1u), 0u, start >= length);
  
  let column0 = min(first + 0u + (lane & 7u), u.D - 1u); let inside0 = first + 0u + (lane & 7u) < u.D;
  let column1 = min(first + 8u + (lane & 7u), u.D - 1u); let inside1 = first + 8u + (lane & 7u) < u.D;
  for (var j = begin; j < stop; j++) {
    let k_own0 = select(0.0, qkv[kAt + j * u.row + column0], inside0);
    let k_own1 = select(0.0, qkv[kAt + j * u.row + column1], inside1);
    let k_0 = vec4f(subgroupBroadcast(k_own0, 0u), subgroupBroadcast(k_own0, 1u), subgroupBroadcast(k_own0, 2u), subgroupBroadcast(k_own0, 3u));
    let k_1 = vec4f(subgroupBroadcast(k_own0, 4u), subgroupBroadcast(k_own0, 5u), subgroupBroadcast(k_own0, 6u), subgroupBroadcast(k_own0, 7u));
    let k_2 = vec4f(subgroupBroadcast(k_own1, 0u), subgroupBroadcast(k_own1, 1u), subgroupBroadcast(k_own1, 2u), subgroupBroadcast(k_own1, 3u));
    let k_3 = vec4f(subgroupBroadcast(k_own1, 4u), subgroupBroadcast(k_own1, 5u), subgroupBroadcast(k_own1, 6u), subgroupBroadcast(k_own1, 7u));
    let v_own0 = select(0.0, qkv[vAt + j * u.row + column0], inside0);
    let v_own1 = select(0.0, qkv[vAt + j * u.row + column1], inside1);
    let v_0 = vec4f(subgroupBroadcast(v_own0, 0u), subgroupBroadcast(v_own0, 1u), subgroupBroadcast(v_own0, 2u), subgroupBroadcast(v_own0, 3u));
    let v_1 = vec4f(subgroupBroadcast(v_own0, 4u), subgroupBroadcast(v_own0, 5u), subgroupBroadcast(v_own0, 6u), subgroupBroadcast(v_own0, 7u));
    let v_2 = vec4f(subgroupBroadcast(v_own1, 0u), subgroupBroadcast(v_own1, 1u), subgroupBroadcast(v_own1, 2u), subgroupBroadcast(v_own1, 3u));
    let v_3 = vec4f(subgroupBroadcast(v_own1, 4u), subgroupBroadcast(v_own1, 5u), subgroupBroadcast(v_own1, 6u), subgroupBroadcast(v_own1, 7u));
    
    var far0 = 0.0; var far1 = 0.0; var far2 = 0.0; var far3 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let far = qkv[kAt + j * u.row + d];
      far0 += far * qkv[qAt0 + d];
      far1 += far * qkv[qAt1 + d];
      far2 += far * qkv[qAt2 + d];
      far3 += far * qkv[qAt3 + d];
    }
    {
      let seen = j <= last0;
      let score = (sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3) + far0) * scale;
      let top = select(top0, score, seen && score > top0);
      let shrink = exp(top0 - top);
      let power = select(0.0, exp(score - top), seen);
      total0 = total0 * shrink + power;
      y0_0 = select(y0_0, y0_0 * shrink + power * v_0, seen); y0_1 = select(y0_1, y0_1 * shrink + power * v_1, seen); y0_2 = select(y0_2, y0_2 * shrink + power * v_2, seen); y0_3 = select(y0_3, y0_3 * shrink + power * v_3, seen);
      top0 = top;
    }
    {
      let seen = j <= last1;
      let score = (sum4(q1_0 * k_0 + q1_1 * k_1 + q1_2 * k_2 + q1_3 * k_3) + far1) * scale;
      let top = select(top1, score, seen && score > top1);
      let shrink = exp(top1 - top);
      let power = select(0.0, exp(score - top), seen);
      total1 = total1 * shrink + power;
      y1_0 = select(y1_0, y1_0 * shrink + power * v_0, seen); y1_1 = select(y1_1, y1_1 * shrink + power * v_1, seen); y1_2 = select(y1_2, y1_2 * shrink + power * v_2, seen); y1_3 = select(y1_3, y1_3 * shrink + power * v_3, seen);
      top1 = top;
    }
    {
      let seen = j <= last2;
      let score = (sum4(q2_0 * k_0 + q2_1 * k_1 + q2_2 * k_2 + q2_3 * k_3) + far2) * scale;
      let top = select(top2, score, seen && score > top2);
      let shrink = exp(top2 - top);
      let power = select(0.0, exp(score - top), seen);
      total2 = total2 * shrink + power;
      y2_0 = select(y2_0, y2_0 * shrink + power * v_0, seen); y2_1 = select(y2_1, y2_1 * shrink + power * v_1, seen); y2_2 = select(y2_2, y2_2 * shrink + power * v_2, seen); y2_3 = select(y2_3, y2_3 * shrink + power * v_3, seen);
      top2 = top;
    }
    {
      let seen = j <= last3;
      let score = (sum4(q3_0 * k_0 + q3_1 * k_1 + q3_2 * k_2 + q3_3 * k_3) + far3) * scale;
      let top = select(top3, score, seen && score > top3);
      let shrink = exp(top3 - top);
      let power = select(0.0, exp(score - top), seen);
      total3 = total3 * shrink + power;
      y3_0 = select(y3_0, y3_0 * shrink + power * v_0, seen); y3_1 = select(y3_1, y3_1 * shrink + power * v_1, seen); y3_2 = select(y3_2, y3_2 * shrink + power * v_2, seen); y3_3 = select(y3_3, y3_3 * shrink + power * v_3, seen);
      top3 = top;
    }
  }
  
  if (own0 < u.L) {
    let live = own0 < length;
    let yAt = gAt + own0 * u.yRow;
    { let value = select(vec4f(), y0_0 / total0, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y0_1 / total0, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y0_2 / total0, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y0_3 / total0, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    if (first == 0u) { lses[scalarsAt + own0] = select(0.0, top0 + log(total0), live); }
  }
  if (own1 < u.L) {
    let live = own1 < length;
    let yAt = gAt + own1 * u.yRow;
    { let value = select(vec4f(), y1_0 / total1, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y1_1 / total1, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y1_2 / total1, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y1_3 / total1, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    if (first == 0u) { lses[scalarsAt + own1] = select(0.0, top1 + log(total1), live); }
  }
  if (own2 < u.L) {
    let live = own2 < length;
    let yAt = gAt + own2 * u.yRow;
    { let value = select(vec4f(), y2_0 / total2, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y2_1 / total2, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y2_2 / total2, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y2_3 / total2, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    if (first == 0u) { lses[scalarsAt + own2] = select(0.0, top2 + log(total2), live); }
  }
  if (own3 < u.L) {
    let live = own3 < length;
    let yAt = gAt + own3 * u.yRow;
    { let value = select(vec4f(), y3_0 / total3, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y3_1 / total3, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y3_2 / total3, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y3_3 / total3, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    if (first == 0u) { lses[scalarsAt + own3] = select(0.0, top3 + log(total3), live); }
  }
}