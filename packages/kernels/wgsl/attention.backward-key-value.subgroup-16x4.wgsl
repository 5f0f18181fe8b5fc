enable subgroups;
@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> lses: array<f32>;
@group(0) @binding(3) var<storage, read> deltas: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, causal: u32 }
@group(0) @binding(6) var<uniform> u: Uniforms;

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
  
  let kAt0 = kAt + place0 * u.row;
  let vAt0 = vAt + place0 * u.row;
  let k0_0 = vec4f(select(0.0, qkv[kAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[kAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[kAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[kAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let k0_1 = vec4f(select(0.0, qkv[kAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[kAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[kAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[kAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let k0_2 = vec4f(select(0.0, qkv[kAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[kAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[kAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[kAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let k0_3 = vec4f(select(0.0, qkv[kAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[kAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[kAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[kAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v0_0 = vec4f(select(0.0, qkv[vAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v0_1 = vec4f(select(0.0, qkv[vAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v0_2 = vec4f(select(0.0, qkv[vAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v0_3 = vec4f(select(0.0, qkv[vAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dk0_0 = vec4f(); var dk0_1 = vec4f(); var dk0_2 = vec4f(); var dk0_3 = vec4f(); var dv0_0 = vec4f(); var dv0_1 = vec4f(); var dv0_2 = vec4f(); var dv0_3 = vec4f();
  let own1 = start + 8u + lane; let place1 = min(own1, u.L - 1u);
  
  let kAt1 = kAt + place1 * u.row;
  let vAt1 = vAt + place1 * u.row;
  let k1_0 = vec4f(select(0.0, qkv[kAt1 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[kAt1 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[kAt1 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[kAt1 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let k1_1 = vec4f(select(0.0, qkv[kAt1 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[kAt1 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[kAt1 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[kAt1 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let k1_2 = vec4f(select(0.0, qkv[kAt1 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[kAt1 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[kAt1 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[kAt1 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let k1_3 = vec4f(select(0.0, qkv[kAt1 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[kAt1 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[kAt1 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[kAt1 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v1_0 = vec4f(select(0.0, qkv[vAt1 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt1 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt1 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt1 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v1_1 = vec4f(select(0.0, qkv[vAt1 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt1 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt1 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt1 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v1_2 = vec4f(select(0.0, qkv[vAt1 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt1 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt1 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt1 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v1_3 = vec4f(select(0.0, qkv[vAt1 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt1 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt1 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt1 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dk1_0 = vec4f(); var dk1_1 = vec4f(); var dk1_2 = vec4f(); var dk1_3 = vec4f(); var dv1_0 = vec4f(); var dv1_1 = vec4f(); var dv1_2 = vec4f(); var dv1_3 = vec4f();
  let own2 = start + 16u + lane; let place2 = min(own2, u.L - 1u);
  
  let kAt2 = kAt + place2 * u.row;
  let vAt2 = vAt + place2 * u.row;
  let k2_0 = vec4f(select(0.0, qkv[kAt2 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[kAt2 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[kAt2 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[kAt2 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let k2_1 = vec4f(select(0.0, qkv[kAt2 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[kAt2 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[kAt2 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[kAt2 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let k2_2 = vec4f(select(0.0, qkv[kAt2 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[kAt2 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[kAt2 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[kAt2 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let k2_3 = vec4f(select(0.0, qkv[kAt2 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[kAt2 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[kAt2 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[kAt2 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v2_0 = vec4f(select(0.0, qkv[vAt2 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt2 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt2 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt2 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v2_1 = vec4f(select(0.0, qkv[vAt2 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt2 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt2 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt2 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v2_2 = vec4f(select(0.0, qkv[vAt2 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt2 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt2 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt2 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v2_3 = vec4f(select(0.0, qkv[vAt2 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt2 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt2 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt2 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dk2_0 = vec4f(); var dk2_1 = vec4f(); var dk2_2 = vec4f(); var dk2_3 = vec4f(); var dv2_0 = vec4f(); var dv2_1 = vec4f(); var dv2_2 = vec4f(); var dv2_3 = vec4f();
  let own3 = start + 24u + lane; let place3 = min(own3, u.L - 1u);
  
  let kAt3 = kAt + place3 * u.row;
  let vAt3 = vAt + place3 * u.row;
  let k3_0 = vec4f(select(0.0, qkv[kAt3 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[kAt3 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[kAt3 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[kAt3 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let k3_1 = vec4f(select(0.0, qkv[kAt3 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[kAt3 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[kAt3 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[kAt3 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let k3_2 = vec4f(select(0.0, qkv[kAt3 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[kAt3 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[kAt3 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[kAt3 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let k3_3 = vec4f(select(0.0, qkv[kAt3 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[kAt3 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[kAt3 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[kAt3 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v3_0 = vec4f(select(0.0, qkv[vAt3 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt3 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt3 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt3 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v3_1 = vec4f(select(0.0, qkv[vAt3 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt3 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt3 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt3 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v3_2 = vec4f(select(0.0, qkv[vAt3 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt3 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt3 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt3 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v3_3 = vec4f(select(0.0, qkv[vAt3 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt3 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt3 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt3 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dk3_0 = vec4f(); var dk3_1 = vec4f(); var dk3_2 = vec4f(); var dk3_3 = vec4f(); var dv3_0 = vec4f(); var dv3_1 = vec4f(); var dv3_2 = vec4f(); var dv3_3 = vec4f();
  let begin = select(0u, start, u.causal == 1u);
  let stop = select(length, 0u, start >= length);
  
  let column0 = min(first + 0u + (lane & 7u), u.D - 1u); let inside0 = first + 0u + (lane & 7u) < u.D;
  let column1 = min(first + 8u + (lane & 7u), u.D - 1u); let inside1 = first + 8u + (lane & 7u) < u.D;
  for (var j8 = begin; j8 < stop; j8 += 8u) {
    let lse_own = lses[scalarsAt + min(j8 + (lane & 7u), u.L - 1u)];
    let delta_own = deltas[scalarsAt + min(j8 + (lane & 7u), u.L - 1u)];
    for (var j = j8; j < min(j8 + 8u, stop); j++) {
      let lse = subgroupShuffle(lse_own, j - j8);
      let delta = subgroupShuffle(delta_own, j - j8);
      let q_own0 = select(0.0, qkv[qAt + j * u.row + column0], inside0);
      let q_own1 = select(0.0, qkv[qAt + j * u.row + column1], inside1);
      let q_0 = vec4f(subgroupBroadcast(q_own0, 0u), subgroupBroadcast(q_own0, 1u), subgroupBroadcast(q_own0, 2u), subgroupBroadcast(q_own0, 3u));
      let q_1 = vec4f(subgroupBroadcast(q_own0, 4u), subgroupBroadcast(q_own0, 5u), subgroupBroadcast(q_own0, 6u), subgroupBroadcast(q_own0, 7u));
      let q_2 = vec4f(subgroupBroadcast(q_own1, 0u), subgroupBroadcast(q_own1, 1u), subgroupBroadcast(q_own1, 2u), subgroupBroadcast(q_own1, 3u));
      let q_3 = vec4f(subgroupBroadcast(q_own1, 4u), subgroupBroadcast(q_own1, 5u), subgroupBroadcast(q_own1, 6u), subgroupBroadcast(q_own1, 7u));
      let g_own0 = select(0.0, dy[gAt + j * u.yRow + column0], inside0);
      let g_own1 = select(0.0, dy[gAt + j * u.yRow + column1], inside1);
      let g_0 = vec4f(subgroupBroadcast(g_own0, 0u), subgroupBroadcast(g_own0, 1u), subgroupBroadcast(g_own0, 2u), subgroupBroadcast(g_own0, 3u));
      let g_1 = vec4f(subgroupBroadcast(g_own0, 4u), subgroupBroadcast(g_own0, 5u), subgroupBroadcast(g_own0, 6u), subgroupBroadcast(g_own0, 7u));
      let g_2 = vec4f(subgroupBroadcast(g_own1, 0u), subgroupBroadcast(g_own1, 1u), subgroupBroadcast(g_own1, 2u), subgroupBroadcast(g_own1, 3u));
      let g_3 = vec4f(subgroupBroadcast(g_own1, 4u), subgroupBroadcast(g_own1, 5u), subgroupBroadcast(g_own1, 6u), subgroupBroadcast(g_own1, 7u));
      
    var score0 = 0.0; var gain0 = 0.0; var score1 = 0.0; var gain1 = 0.0; var score2 = 0.0; var gain2 = 0.0; var score3 = 0.0; var gain3 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let score = qkv[qAt + j * u.row + d]; let gain = dy[gAt + j * u.yRow + d];
      score0 += score * qkv[kAt0 + d];
      gain0 += gain * qkv[vAt0 + d];
      score1 += score * qkv[kAt1 + d];
      gain1 += gain * qkv[vAt1 + d];
      score2 += score * qkv[kAt2 + d];
      gain2 += gain * qkv[vAt2 + d];
      score3 += score * qkv[kAt3 + d];
      gain3 += gain * qkv[vAt3 + d];
    }
    {
      let seen = u.causal == 0u || j >= own0;
      let power = exp((sum4(k0_0 * q_0 + k0_1 * q_1 + k0_2 * q_2 + k0_3 * q_3) + score0) * scale - lse);
      let slope = power * (sum4(v0_0 * g_0 + v0_1 * g_1 + v0_2 * g_2 + v0_3 * g_3) + gain0 - delta);
      dv0_0 = select(dv0_0, dv0_0 + power * g_0, seen); dv0_1 = select(dv0_1, dv0_1 + power * g_1, seen); dv0_2 = select(dv0_2, dv0_2 + power * g_2, seen); dv0_3 = select(dv0_3, dv0_3 + power * g_3, seen);
      dk0_0 = select(dk0_0, dk0_0 + slope * q_0, seen); dk0_1 = select(dk0_1, dk0_1 + slope * q_1, seen); dk0_2 = select(dk0_2, dk0_2 + slope * q_2, seen); dk0_3 = select(dk0_3, dk0_3 + slope * q_3, seen);
    }
    {
      let seen = u.causal == 0u || j >= own1;
      let power = exp((sum4(k1_0 * q_0 + k1_1 * q_1 + k1_2 * q_2 + k1_3 * q_3) + score1) * scale - lse);
      let slope = power * (sum4(v1_0 * g_0 + v1_1 * g_1 + v1_2 * g_2 + v1_3 * g_3) + gain1 - delta);
      dv1_0 = select(dv1_0, dv1_0 + power * g_0, seen); dv1_1 = select(dv1_1, dv1_1 + power * g_1, seen); dv1_2 = select(dv1_2, dv1_2 + power * g_2, seen); dv1_3 = select(dv1_3, dv1_3 + power * g_3, seen);
      dk1_0 = select(dk1_0, dk1_0 + slope * q_0, seen); dk1_1 = select(dk1_1, dk1_1 + slope * q_1, seen); dk1_2 = select(dk1_2, dk1_2 + slope * q_2, seen); dk1_3 = select(dk1_3, dk1_3 + slope * q_3, seen);
    }
    {
      let seen = u.causal == 0u || j >= own2;
      let power = exp((sum4(k2_0 * q_0 + k2_1 * q_1 + k2_2 * q_2 + k2_3 * q_3) + score2) * scale - lse);
      let slope = power * (sum4(v2_0 * g_0 + v2_1 * g_1 + v2_2 * g_2 + v2_3 * g_3) + gain2 - delta);
      dv2_0 = select(dv2_0, dv2_0 + power * g_0, seen); dv2_1 = select(dv2_1, dv2_1 + power * g_1, seen); dv2_2 = select(dv2_2, dv2_2 + power * g_2, seen); dv2_3 = select(dv2_3, dv2_3 + power * g_3, seen);
      dk2_0 = select(dk2_0, dk2_0 + slope * q_0, seen); dk2_1 = select(dk2_1, dk2_1 + slope * q_1, seen); dk2_2 = select(dk2_2, dk2_2 + slope * q_2, seen); dk2_3 = select(dk2_3, dk2_3 + slope * q_3, seen);
    }
    {
      let seen = u.causal == 0u || j >= own3;
      let power = exp((sum4(k3_0 * q_0 + k3_1 * q_1 + k3_2 * q_2 + k3_3 * q_3) + score3) * scale - lse);
      let slope = power * (sum4(v3_0 * g_0 + v3_1 * g_1 + v3_2 * g_2 + v3_3 * g_3) + gain3 - delta);
      dv3_0 = select(dv3_0, dv3_0 + power * g_0, seen); dv3_1 = select(dv3_1, dv3_1 + power * g_1, seen); dv3_2 = select(dv3_2, dv3_2 + power * g_2, seen); dv3_3 = select(dv3_3, dv3_3 + power * g_3, seen);
      dk3_0 = select(dk3_0, dk3_0 + slope * q_0, seen); dk3_1 = select(dk3_1, dk3_1 + slope * q_1, seen); dk3_2 = select(dk3_2, dk3_2 + slope * q_2, seen); dk3_3 = select(dk3_3, dk3_3 + slope * q_3, seen);
    }
    }
  }
  
  if (own0 < u.L) {
    let live = own0 < length;
    { let value = select(vec4f(), dk0_0 * scale, live); if (first + 0u < u.D) { dqkv[kAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[kAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[kAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[kAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dk0_1 * scale, live); if (first + 4u < u.D) { dqkv[kAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[kAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[kAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[kAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dk0_2 * scale, live); if (first + 8u < u.D) { dqkv[kAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[kAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[kAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[kAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dk0_3 * scale, live); if (first + 12u < u.D) { dqkv[kAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[kAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[kAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[kAt0 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv0_0, live); if (first + 0u < u.D) { dqkv[vAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv0_1, live); if (first + 4u < u.D) { dqkv[vAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv0_2, live); if (first + 8u < u.D) { dqkv[vAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv0_3, live); if (first + 12u < u.D) { dqkv[vAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt0 + first + 15u] = value[3]; } }
  }
  if (own1 < u.L) {
    let live = own1 < length;
    { let value = select(vec4f(), dk1_0 * scale, live); if (first + 0u < u.D) { dqkv[kAt1 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[kAt1 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[kAt1 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[kAt1 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dk1_1 * scale, live); if (first + 4u < u.D) { dqkv[kAt1 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[kAt1 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[kAt1 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[kAt1 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dk1_2 * scale, live); if (first + 8u < u.D) { dqkv[kAt1 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[kAt1 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[kAt1 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[kAt1 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dk1_3 * scale, live); if (first + 12u < u.D) { dqkv[kAt1 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[kAt1 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[kAt1 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[kAt1 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv1_0, live); if (first + 0u < u.D) { dqkv[vAt1 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt1 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt1 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt1 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv1_1, live); if (first + 4u < u.D) { dqkv[vAt1 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt1 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt1 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt1 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv1_2, live); if (first + 8u < u.D) { dqkv[vAt1 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt1 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt1 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt1 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv1_3, live); if (first + 12u < u.D) { dqkv[vAt1 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt1 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt1 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt1 + first + 15u] = value[3]; } }
  }
  if (own2 < u.L) {
    let live = own2 < length;
    { let value = select(vec4f(), dk2_0 * scale, live); if (first + 0u < u.D) { dqkv[kAt2 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[kAt2 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[kAt2 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[kAt2 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dk2_1 * scale, live); if (first + 4u < u.D) { dqkv[kAt2 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[kAt2 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[kAt2 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[kAt2 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dk2_2 * scale, live); if (first + 8u < u.D) { dqkv[kAt2 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[kAt2 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[kAt2 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[kAt2 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dk2_3 * scale, live); if (first + 12u < u.D) { dqkv[kAt2 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[kAt2 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[kAt2 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[kAt2 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv2_0, live); if (first + 0u < u.D) { dqkv[vAt2 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt2 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt2 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt2 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv2_1, live); if (first + 4u < u.D) { dqkv[vAt2 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt2 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt2 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt2 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv2_2, live); if (first + 8u < u.D) { dqkv[vAt2 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt2 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt2 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt2 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv2_3, live); if (first + 12u < u.D) { dqkv[vAt2 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt2 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt2 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt2 + first + 15u] = value[3]; } }
  }
  if (own3 < u.L) {
    let live = own3 < length;
    { let value = select(vec4f(), dk3_0 * scale, live); if (first + 0u < u.D) { dqkv[kAt3 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[kAt3 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[kAt3 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[kAt3 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dk3_1 * scale, live); if (first + 4u < u.D) { dqkv[kAt3 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[kAt3 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[kAt3 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[kAt3 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dk3_2 * scale, live); if (first + 8u < u.D) { dqkv[kAt3 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[kAt3 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[kAt3 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[kAt3 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dk3_3 * scale, live); if (first + 12u < u.D) { dqkv[kAt3 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[kAt3 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[kAt3 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[kAt3 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv3_0, live); if (first + 0u < u.D) { dqkv[vAt3 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt3 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt3 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt3 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv3_1, live); if (first + 4u < u.D) { dqkv[vAt3 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt3 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt3 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt3 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv3_2, live); if (first + 8u < u.D) { dqkv[vAt3 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt3 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt3 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt3 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv3_3, live); if (first + 12u < u.D) { dqkv[vAt3 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt3 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt3 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt3 + first + 15u] = value[3]; } }
  }
}