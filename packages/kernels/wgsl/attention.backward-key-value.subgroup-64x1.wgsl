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
fn column(n: u32, first: u32) -> u32 { return n + select(0u, 64u, n >= first); }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.L + 7u) / 8u;
  let chunks = (u.D + 63u) / 64u;
  if (group >= u.B * u.H * blocks * chunks) { return; }
  let first = (group % chunks) * 64u;
  let start = (group / chunks) % blocks * 8u;
  let end = start + 8u;
  let sequence = group / chunks / blocks;
  let h = sequence % u.H;
  let b = sequence / u.H;
  let place = b * u.L;
  let length = min(lengths[b], u.L);
  let outside = u.D - min(64u, u.D - first);
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
  let k0_4 = vec4f(select(0.0, qkv[kAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, qkv[kAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, qkv[kAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, qkv[kAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let k0_5 = vec4f(select(0.0, qkv[kAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, qkv[kAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, qkv[kAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, qkv[kAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let k0_6 = vec4f(select(0.0, qkv[kAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, qkv[kAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, qkv[kAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, qkv[kAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let k0_7 = vec4f(select(0.0, qkv[kAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, qkv[kAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, qkv[kAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, qkv[kAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  let k0_8 = vec4f(select(0.0, qkv[kAt0 + min(first + 32u, u.D - 1u)], first + 32u < u.D), select(0.0, qkv[kAt0 + min(first + 33u, u.D - 1u)], first + 33u < u.D), select(0.0, qkv[kAt0 + min(first + 34u, u.D - 1u)], first + 34u < u.D), select(0.0, qkv[kAt0 + min(first + 35u, u.D - 1u)], first + 35u < u.D));
  let k0_9 = vec4f(select(0.0, qkv[kAt0 + min(first + 36u, u.D - 1u)], first + 36u < u.D), select(0.0, qkv[kAt0 + min(first + 37u, u.D - 1u)], first + 37u < u.D), select(0.0, qkv[kAt0 + min(first + 38u, u.D - 1u)], first + 38u < u.D), select(0.0, qkv[kAt0 + min(first + 39u, u.D - 1u)], first + 39u < u.D));
  let k0_10 = vec4f(select(0.0, qkv[kAt0 + min(first + 40u, u.D - 1u)], first + 40u < u.D), select(0.0, qkv[kAt0 + min(first + 41u, u.D - 1u)], first + 41u < u.D), select(0.0, qkv[kAt0 + min(first + 42u, u.D - 1u)], first + 42u < u.D), select(0.0, qkv[kAt0 + min(first + 43u, u.D - 1u)], first + 43u < u.D));
  let k0_11 = vec4f(select(0.0, qkv[kAt0 + min(first + 44u, u.D - 1u)], first + 44u < u.D), select(0.0, qkv[kAt0 + min(first + 45u, u.D - 1u)], first + 45u < u.D), select(0.0, qkv[kAt0 + min(first + 46u, u.D - 1u)], first + 46u < u.D), select(0.0, qkv[kAt0 + min(first + 47u, u.D - 1u)], first + 47u < u.D));
  let k0_12 = vec4f(select(0.0, qkv[kAt0 + min(first + 48u, u.D - 1u)], first + 48u < u.D), select(0.0, qkv[kAt0 + min(first + 49u, u.D - 1u)], first + 49u < u.D), select(0.0, qkv[kAt0 + min(first + 50u, u.D - 1u)], first + 50u < u.D), select(0.0, qkv[kAt0 + min(first + 51u, u.D - 1u)], first + 51u < u.D));
  let k0_13 = vec4f(select(0.0, qkv[kAt0 + min(first + 52u, u.D - 1u)], first + 52u < u.D), select(0.0, qkv[kAt0 + min(first + 53u, u.D - 1u)], first + 53u < u.D), select(0.0, qkv[kAt0 + min(first + 54u, u.D - 1u)], first + 54u < u.D), select(0.0, qkv[kAt0 + min(first + 55u, u.D - 1u)], first + 55u < u.D));
  let k0_14 = vec4f(select(0.0, qkv[kAt0 + min(first + 56u, u.D - 1u)], first + 56u < u.D), select(0.0, qkv[kAt0 + min(first + 57u, u.D - 1u)], first + 57u < u.D), select(0.0, qkv[kAt0 + min(first + 58u, u.D - 1u)], first + 58u < u.D), select(0.0, qkv[kAt0 + min(first + 59u, u.D - 1u)], first + 59u < u.D));
  let k0_15 = vec4f(select(0.0, qkv[kAt0 + min(first + 60u, u.D - 1u)], first + 60u < u.D), select(0.0, qkv[kAt0 + min(first + 61u, u.D - 1u)], first + 61u < u.D), select(0.0, qkv[kAt0 + min(first + 62u, u.D - 1u)], first + 62u < u.D), select(0.0, qkv[kAt0 + min(first + 63u, u.D - 1u)], first + 63u < u.D));
  let v0_0 = vec4f(select(0.0, qkv[vAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v0_1 = vec4f(select(0.0, qkv[vAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v0_2 = vec4f(select(0.0, qkv[vAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v0_3 = vec4f(select(0.0, qkv[vAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v0_4 = vec4f(select(0.0, qkv[vAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, qkv[vAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, qkv[vAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, qkv[vAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let v0_5 = vec4f(select(0.0, qkv[vAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, qkv[vAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, qkv[vAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, qkv[vAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let v0_6 = vec4f(select(0.0, qkv[vAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, qkv[vAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, qkv[vAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, qkv[vAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let v0_7 = vec4f(select(0.0, qkv[vAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, qkv[vAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, qkv[vAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, qkv[vAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  let v0_8 = vec4f(select(0.0, qkv[vAt0 + min(first + 32u, u.D - 1u)], first + 32u < u.D), select(0.0, qkv[vAt0 + min(first + 33u, u.D - 1u)], first + 33u < u.D), select(0.0, qkv[vAt0 + min(first + 34u, u.D - 1u)], first + 34u < u.D), select(0.0, qkv[vAt0 + min(first + 35u, u.D - 1u)], first + 35u < u.D));
  let v0_9 = vec4f(select(0.0, qkv[vAt0 + min(first + 36u, u.D - 1u)], first + 36u < u.D), select(0.0, qkv[vAt0 + min(first + 37u, u.D - 1u)], first + 37u < u.D), select(0.0, qkv[vAt0 + min(first + 38u, u.D - 1u)], first + 38u < u.D), select(0.0, qkv[vAt0 + min(first + 39u, u.D - 1u)], first + 39u < u.D));
  let v0_10 = vec4f(select(0.0, qkv[vAt0 + min(first + 40u, u.D - 1u)], first + 40u < u.D), select(0.0, qkv[vAt0 + min(first + 41u, u.D - 1u)], first + 41u < u.D), select(0.0, qkv[vAt0 + min(first + 42u, u.D - 1u)], first + 42u < u.D), select(0.0, qkv[vAt0 + min(first + 43u, u.D - 1u)], first + 43u < u.D));
  let v0_11 = vec4f(select(0.0, qkv[vAt0 + min(first + 44u, u.D - 1u)], first + 44u < u.D), select(0.0, qkv[vAt0 + min(first + 45u, u.D - 1u)], first + 45u < u.D), select(0.0, qkv[vAt0 + min(first + 46u, u.D - 1u)], first + 46u < u.D), select(0.0, qkv[vAt0 + min(first + 47u, u.D - 1u)], first + 47u < u.D));
  let v0_12 = vec4f(select(0.0, qkv[vAt0 + min(first + 48u, u.D - 1u)], first + 48u < u.D), select(0.0, qkv[vAt0 + min(first + 49u, u.D - 1u)], first + 49u < u.D), select(0.0, qkv[vAt0 + min(first + 50u, u.D - 1u)], first + 50u < u.D), select(0.0, qkv[vAt0 + min(first + 51u, u.D - 1u)], first + 51u < u.D));
  let v0_13 = vec4f(select(0.0, qkv[vAt0 + min(first + 52u, u.D - 1u)], first + 52u < u.D), select(0.0, qkv[vAt0 + min(first + 53u, u.D - 1u)], first + 53u < u.D), select(0.0, qkv[vAt0 + min(first + 54u, u.D - 1u)], first + 54u < u.D), select(0.0, qkv[vAt0 + min(first + 55u, u.D - 1u)], first + 55u < u.D));
  let v0_14 = vec4f(select(0.0, qkv[vAt0 + min(first + 56u, u.D - 1u)], first + 56u < u.D), select(0.0, qkv[vAt0 + min(first + 57u, u.D - 1u)], first + 57u < u.D), select(0.0, qkv[vAt0 + min(first + 58u, u.D - 1u)], first + 58u < u.D), select(0.0, qkv[vAt0 + min(first + 59u, u.D - 1u)], first + 59u < u.D));
  let v0_15 = vec4f(select(0.0, qkv[vAt0 + min(first + 60u, u.D - 1u)], first + 60u < u.D), select(0.0, qkv[vAt0 + min(first + 61u, u.D - 1u)], first + 61u < u.D), select(0.0, qkv[vAt0 + min(first + 62u, u.D - 1u)], first + 62u < u.D), select(0.0, qkv[vAt0 + min(first + 63u, u.D - 1u)], first + 63u < u.D));
  var dk0_0 = vec4f(); var dk0_1 = vec4f(); var dk0_2 = vec4f(); var dk0_3 = vec4f(); var dk0_4 = vec4f(); var dk0_5 = vec4f(); var dk0_6 = vec4f(); var dk0_7 = vec4f(); var dk0_8 = vec4f(); var dk0_9 = vec4f(); var dk0_10 = vec4f(); var dk0_11 = vec4f(); var dk0_12 = vec4f(); var dk0_13 = vec4f(); var dk0_14 = vec4f(); var dk0_15 = vec4f(); var dv0_0 = vec4f(); var dv0_1 = vec4f(); var dv0_2 = vec4f(); var dv0_3 = vec4f(); var dv0_4 = vec4f(); var dv0_5 = vec4f(); var dv0_6 = vec4f(); var dv0_7 = vec4f(); var dv0_8 = vec4f(); var dv0_9 = vec4f(); var dv0_10 = vec4f(); var dv0_11 = vec4f(); var dv0_12 = vec4f(); var dv0_13 = vec4f(); var dv0_14 = vec4f(); var dv0_15 = vec4f();
  let begin = select(0u, start, u.causal == 1u);
  let stop = select(length, 0u, start >= length);
  
  let column0 = min(first + 0u + (lane & 7u), u.D - 1u); let inside0 = first + 0u + (lane & 7u) < u.D;
  let column1 = min(first + 8u + (lane & 7u), u.D - 1u); let inside1 = first + 8u + (lane & 7u) < u.D;
  let column2 = min(first + 16u + (lane & 7u), u.D - 1u); let inside2 = first + 16u + (lane & 7u) < u.D;
  let column3 = min(first + 24u + (lane & 7u), u.D - 1u); let inside3 = first + 24u + (lane & 7u) < u.D;
  let column4 = min(first + 32u + (lane & 7u), u.D - 1u); let inside4 = first + 32u + (lane & 7u) < u.D;
  let column5 = min(first + 40u + (lane & 7u), u.D - 1u); let inside5 = first + 40u + (lane & 7u) < u.D;
  let column6 = min(first + 48u + (lane & 7u), u.D - 1u); let inside6 = first + 48u + (lane & 7u) < u.D;
  let column7 = min(first + 56u + (lane & 7u), u.D - 1u); let inside7 = first + 56u + (lane & 7u) < u.D;
  for (var j8 = begin; j8 < stop; j8 += 8u) {
    let lse_own = lses[scalarsAt + min(j8 + (lane & 7u), u.L - 1u)];
    let delta_own = deltas[scalarsAt + min(j8 + (lane & 7u), u.L - 1u)];
    for (var j = j8; j < min(j8 + 8u, stop); j++) {
      let lse = subgroupShuffle(lse_own, j - j8);
      let delta = subgroupShuffle(delta_own, j - j8);
      let q_own0 = select(0.0, qkv[qAt + j * u.row + column0], inside0);
      let q_own1 = select(0.0, qkv[qAt + j * u.row + column1], inside1);
      let q_own2 = select(0.0, qkv[qAt + j * u.row + column2], inside2);
      let q_own3 = select(0.0, qkv[qAt + j * u.row + column3], inside3);
      let q_own4 = select(0.0, qkv[qAt + j * u.row + column4], inside4);
      let q_own5 = select(0.0, qkv[qAt + j * u.row + column5], inside5);
      let q_own6 = select(0.0, qkv[qAt + j * u.row + column6], inside6);
      let q_own7 = select(0.0, qkv[qAt + j * u.row + column7], inside7);
      let q_0 = vec4f(subgroupBroadcast(q_own0, 0u), subgroupBroadcast(q_own0, 1u), subgroupBroadcast(q_own0, 2u), subgroupBroadcast(q_own0, 3u));
      let q_1 = vec4f(subgroupBroadcast(q_own0, 4u), subgroupBroadcast(q_own0, 5u), subgroupBroadcast(q_own0, 6u), subgroupBroadcast(q_own0, 7u));
      let q_2 = vec4f(subgroupBroadcast(q_own1, 0u), subgroupBroadcast(q_own1, 1u), subgroupBroadcast(q_own1, 2u), subgroupBroadcast(q_own1, 3u));
      let q_3 = vec4f(subgroupBroadcast(q_own1, 4u), subgroupBroadcast(q_own1, 5u), subgroupBroadcast(q_own1, 6u), subgroupBroadcast(q_own1, 7u));
      let q_4 = vec4f(subgroupBroadcast(q_own2, 0u), subgroupBroadcast(q_own2, 1u), subgroupBroadcast(q_own2, 2u), subgroupBroadcast(q_own2, 3u));
      let q_5 = vec4f(subgroupBroadcast(q_own2, 4u), subgroupBroadcast(q_own2, 5u), subgroupBroadcast(q_own2, 6u), subgroupBroadcast(q_own2, 7u));
      let q_6 = vec4f(subgroupBroadcast(q_own3, 0u), subgroupBroadcast(q_own3, 1u), subgroupBroadcast(q_own3, 2u), subgroupBroadcast(q_own3, 3u));
      let q_7 = vec4f(subgroupBroadcast(q_own3, 4u), subgroupBroadcast(q_own3, 5u), subgroupBroadcast(q_own3, 6u), subgroupBroadcast(q_own3, 7u));
      let q_8 = vec4f(subgroupBroadcast(q_own4, 0u), subgroupBroadcast(q_own4, 1u), subgroupBroadcast(q_own4, 2u), subgroupBroadcast(q_own4, 3u));
      let q_9 = vec4f(subgroupBroadcast(q_own4, 4u), subgroupBroadcast(q_own4, 5u), subgroupBroadcast(q_own4, 6u), subgroupBroadcast(q_own4, 7u));
      let q_10 = vec4f(subgroupBroadcast(q_own5, 0u), subgroupBroadcast(q_own5, 1u), subgroupBroadcast(q_own5, 2u), subgroupBroadcast(q_own5, 3u));
      let q_11 = vec4f(subgroupBroadcast(q_own5, 4u), subgroupBroadcast(q_own5, 5u), subgroupBroadcast(q_own5, 6u), subgroupBroadcast(q_own5, 7u));
      let q_12 = vec4f(subgroupBroadcast(q_own6, 0u), subgroupBroadcast(q_own6, 1u), subgroupBroadcast(q_own6, 2u), subgroupBroadcast(q_own6, 3u));
      let q_13 = vec4f(subgroupBroadcast(q_own6, 4u), subgroupBroadcast(q_own6, 5u), subgroupBroadcast(q_own6, 6u), subgroupBroadcast(q_own6, 7u));
      let q_14 = vec4f(subgroupBroadcast(q_own7, 0u), subgroupBroadcast(q_own7, 1u), subgroupBroadcast(q_own7, 2u), subgroupBroadcast(q_own7, 3u));
      let q_15 = vec4f(subgroupBroadcast(q_own7, 4u), subgroupBroadcast(q_own7, 5u), subgroupBroadcast(q_own7, 6u), subgroupBroadcast(q_own7, 7u));
      let g_own0 = select(0.0, dy[gAt + j * u.yRow + column0], inside0);
      let g_own1 = select(0.0, dy[gAt + j * u.yRow + column1], inside1);
      let g_own2 = select(0.0, dy[gAt + j * u.yRow + column2], inside2);
      let g_own3 = select(0.0, dy[gAt + j * u.yRow + column3], inside3);
      let g_own4 = select(0.0, dy[gAt + j * u.yRow + column4], inside4);
      let g_own5 = select(0.0, dy[gAt + j * u.yRow + column5], inside5);
      let g_own6 = select(0.0, dy[gAt + j * u.yRow + column6], inside6);
      let g_own7 = select(0.0, dy[gAt + j * u.yRow + column7], inside7);
      let g_0 = vec4f(subgroupBroadcast(g_own0, 0u), subgroupBroadcast(g_own0, 1u), subgroupBroadcast(g_own0, 2u), subgroupBroadcast(g_own0, 3u));
      let g_1 = vec4f(subgroupBroadcast(g_own0, 4u), subgroupBroadcast(g_own0, 5u), subgroupBroadcast(g_own0, 6u), subgroupBroadcast(g_own0, 7u));
      let g_2 = vec4f(subgroupBroadcast(g_own1, 0u), subgroupBroadcast(g_own1, 1u), subgroupBroadcast(g_own1, 2u), subgroupBroadcast(g_own1, 3u));
      let g_3 = vec4f(subgroupBroadcast(g_own1, 4u), subgroupBroadcast(g_own1, 5u), subgroupBroadcast(g_own1, 6u), subgroupBroadcast(g_own1, 7u));
      let g_4 = vec4f(subgroupBroadcast(g_own2, 0u), subgroupBroadcast(g_own2, 1u), subgroupBroadcast(g_own2, 2u), subgroupBroadcast(g_own2, 3u));
      let g_5 = vec4f(subgroupBroadcast(g_own2, 4u), subgroupBroadcast(g_own2, 5u), subgroupBroadcast(g_own2, 6u), subgroupBroadcast(g_own2, 7u));
      let g_6 = vec4f(subgroupBroadcast(g_own3, 0u), subgroupBroadcast(g_own3, 1u), subgroupBroadcast(g_own3, 2u), subgroupBroadcast(g_own3, 3u));
      let g_7 = vec4f(subgroupBroadcast(g_own3, 4u), subgroupBroadcast(g_own3, 5u), subgroupBroadcast(g_own3, 6u), subgroupBroadcast(g_own3, 7u));
      let g_8 = vec4f(subgroupBroadcast(g_own4, 0u), subgroupBroadcast(g_own4, 1u), subgroupBroadcast(g_own4, 2u), subgroupBroadcast(g_own4, 3u));
      let g_9 = vec4f(subgroupBroadcast(g_own4, 4u), subgroupBroadcast(g_own4, 5u), subgroupBroadcast(g_own4, 6u), subgroupBroadcast(g_own4, 7u));
      let g_10 = vec4f(subgroupBroadcast(g_own5, 0u), subgroupBroadcast(g_own5, 1u), subgroupBroadcast(g_own5, 2u), subgroupBroadcast(g_own5, 3u));
      let g_11 = vec4f(subgroupBroadcast(g_own5, 4u), subgroupBroadcast(g_own5, 5u), subgroupBroadcast(g_own5, 6u), subgroupBroadcast(g_own5, 7u));
      let g_12 = vec4f(subgroupBroadcast(g_own6, 0u), subgroupBroadcast(g_own6, 1u), subgroupBroadcast(g_own6, 2u), subgroupBroadcast(g_own6, 3u));
      let g_13 = vec4f(subgroupBroadcast(g_own6, 4u), subgroupBroadcast(g_own6, 5u), subgroupBroadcast(g_own6, 6u), subgroupBroadcast(g_own6, 7u));
      let g_14 = vec4f(subgroupBroadcast(g_own7, 0u), subgroupBroadcast(g_own7, 1u), subgroupBroadcast(g_own7, 2u), subgroupBroadcast(g_own7, 3u));
      let g_15 = vec4f(subgroupBroadcast(g_own7, 4u), subgroupBroadcast(g_own7, 5u), subgroupBroadcast(g_own7, 6u), subgroupBroadcast(g_own7, 7u));
      
    var score0 = 0.0; var gain0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let score = qkv[qAt + j * u.row + d]; let gain = dy[gAt + j * u.yRow + d];
      score0 += score * qkv[kAt0 + d];
      gain0 += gain * qkv[vAt0 + d];
    }
    {
      let seen = u.causal == 0u || j >= own0;
      let power = exp((sum4(k0_0 * q_0 + k0_1 * q_1 + k0_2 * q_2 + k0_3 * q_3 + k0_4 * q_4 + k0_5 * q_5 + k0_6 * q_6 + k0_7 * q_7 + k0_8 * q_8 + k0_9 * q_9 + k0_10 * q_10 + k0_11 * q_11 + k0_12 * q_12 + k0_13 * q_13 + k0_14 * q_14 + k0_15 * q_15) + score0) * scale - lse);
      let slope = power * (sum4(v0_0 * g_0 + v0_1 * g_1 + v0_2 * g_2 + v0_3 * g_3 + v0_4 * g_4 + v0_5 * g_5 + v0_6 * g_6 + v0_7 * g_7 + v0_8 * g_8 + v0_9 * g_9 + v0_10 * g_10 + v0_11 * g_11 + v0_12 * g_12 + v0_13 * g_13 + v0_14 * g_14 + v0_15 * g_15) + gain0 - delta);
      dv0_0 = select(dv0_0, dv0_0 + power * g_0, seen); dv0_1 = select(dv0_1, dv0_1 + power * g_1, seen); dv0_2 = select(dv0_2, dv0_2 + power * g_2, seen); dv0_3 = select(dv0_3, dv0_3 + power * g_3, seen); dv0_4 = select(dv0_4, dv0_4 + power * g_4, seen); dv0_5 = select(dv0_5, dv0_5 + power * g_5, seen); dv0_6 = select(dv0_6, dv0_6 + power * g_6, seen); dv0_7 = select(dv0_7, dv0_7 + power * g_7, seen); dv0_8 = select(dv0_8, dv0_8 + power * g_8, seen); dv0_9 = select(dv0_9, dv0_9 + power * g_9, seen); dv0_10 = select(dv0_10, dv0_10 + power * g_10, seen); dv0_11 = select(dv0_11, dv0_11 + power * g_11, seen); dv0_12 = select(dv0_12, dv0_12 + power * g_12, seen); dv0_13 = select(dv0_13, dv0_13 + power * g_13, seen); dv0_14 = select(dv0_14, dv0_14 + power * g_14, seen); dv0_15 = select(dv0_15, dv0_15 + power * g_15, seen);
      dk0_0 = select(dk0_0, dk0_0 + slope * q_0, seen); dk0_1 = select(dk0_1, dk0_1 + slope * q_1, seen); dk0_2 = select(dk0_2, dk0_2 + slope * q_2, seen); dk0_3 = select(dk0_3, dk0_3 + slope * q_3, seen); dk0_4 = select(dk0_4, dk0_4 + slope * q_4, seen); dk0_5 = select(dk0_5, dk0_5 + slope * q_5, seen); dk0_6 = select(dk0_6, dk0_6 + slope * q_6, seen); dk0_7 = select(dk0_7, dk0_7 + slope * q_7, seen); dk0_8 = select(dk0_8, dk0_8 + slope * q_8, seen); dk0_9 = select(dk0_9, dk0_9 + slope * q_9, seen); dk0_10 = select(dk0_10, dk0_10 + slope * q_10, seen); dk0_11 = select(dk0_11, dk0_11 + slope * q_11, seen); dk0_12 = select(dk0_12, dk0_12 + slope * q_12, seen); dk0_13 = select(dk0_13, dk0_13 + slope * q_13, seen); dk0_14 = select(dk0_14, dk0_14 + slope * q_14, seen); dk0_15 = select(dk0_15, dk0_15 + slope * q_15, seen);
    }
    }
  }
  
  if (own0 < u.L) {
    let live = own0 < length;
    { let value = select(vec4f(), dk0_0 * scale, live); if (first + 0u < u.D) { dqkv[kAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[kAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[kAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[kAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dk0_1 * scale, live); if (first + 4u < u.D) { dqkv[kAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[kAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[kAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[kAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dk0_2 * scale, live); if (first + 8u < u.D) { dqkv[kAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[kAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[kAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[kAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dk0_3 * scale, live); if (first + 12u < u.D) { dqkv[kAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[kAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[kAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[kAt0 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dk0_4 * scale, live); if (first + 16u < u.D) { dqkv[kAt0 + first + 16u] = value[0]; } if (first + 17u < u.D) { dqkv[kAt0 + first + 17u] = value[1]; } if (first + 18u < u.D) { dqkv[kAt0 + first + 18u] = value[2]; } if (first + 19u < u.D) { dqkv[kAt0 + first + 19u] = value[3]; } }
    { let value = select(vec4f(), dk0_5 * scale, live); if (first + 20u < u.D) { dqkv[kAt0 + first + 20u] = value[0]; } if (first + 21u < u.D) { dqkv[kAt0 + first + 21u] = value[1]; } if (first + 22u < u.D) { dqkv[kAt0 + first + 22u] = value[2]; } if (first + 23u < u.D) { dqkv[kAt0 + first + 23u] = value[3]; } }
    { let value = select(vec4f(), dk0_6 * scale, live); if (first + 24u < u.D) { dqkv[kAt0 + first + 24u] = value[0]; } if (first + 25u < u.D) { dqkv[kAt0 + first + 25u] = value[1]; } if (first + 26u < u.D) { dqkv[kAt0 + first + 26u] = value[2]; } if (first + 27u < u.D) { dqkv[kAt0 + first + 27u] = value[3]; } }
    { let value = select(vec4f(), dk0_7 * scale, live); if (first + 28u < u.D) { dqkv[kAt0 + first + 28u] = value[0]; } if (first + 29u < u.D) { dqkv[kAt0 + first + 29u] = value[1]; } if (first + 30u < u.D) { dqkv[kAt0 + first + 30u] = value[2]; } if (first + 31u < u.D) { dqkv[kAt0 + first + 31u] = value[3]; } }
    { let value = select(vec4f(), dk0_8 * scale, live); if (first + 32u < u.D) { dqkv[kAt0 + first + 32u] = value[0]; } if (first + 33u < u.D) { dqkv[kAt0 + first + 33u] = value[1]; } if (first + 34u < u.D) { dqkv[kAt0 + first + 34u] = value[2]; } if (first + 35u < u.D) { dqkv[kAt0 + first + 35u] = value[3]; } }
    { let value = select(vec4f(), dk0_9 * scale, live); if (first + 36u < u.D) { dqkv[kAt0 + first + 36u] = value[0]; } if (first + 37u < u.D) { dqkv[kAt0 + first + 37u] = value[1]; } if (first + 38u < u.D) { dqkv[kAt0 + first + 38u] = value[2]; } if (first + 39u < u.D) { dqkv[kAt0 + first + 39u] = value[3]; } }
    { let value = select(vec4f(), dk0_10 * scale, live); if (first + 40u < u.D) { dqkv[kAt0 + first + 40u] = value[0]; } if (first + 41u < u.D) { dqkv[kAt0 + first + 41u] = value[1]; } if (first + 42u < u.D) { dqkv[kAt0 + first + 42u] = value[2]; } if (first + 43u < u.D) { dqkv[kAt0 + first + 43u] = value[3]; } }
    { let value = select(vec4f(), dk0_11 * scale, live); if (first + 44u < u.D) { dqkv[kAt0 + first + 44u] = value[0]; } if (first + 45u < u.D) { dqkv[kAt0 + first + 45u] = value[1]; } if (first + 46u < u.D) { dqkv[kAt0 + first + 46u] = value[2]; } if (first + 47u < u.D) { dqkv[kAt0 + first + 47u] = value[3]; } }
    { let value = select(vec4f(), dk0_12 * scale, live); if (first + 48u < u.D) { dqkv[kAt0 + first + 48u] = value[0]; } if (first + 49u < u.D) { dqkv[kAt0 + first + 49u] = value[1]; } if (first + 50u < u.D) { dqkv[kAt0 + first + 50u] = value[2]; } if (first + 51u < u.D) { dqkv[kAt0 + first + 51u] = value[3]; } }
    { let value = select(vec4f(), dk0_13 * scale, live); if (first + 52u < u.D) { dqkv[kAt0 + first + 52u] = value[0]; } if (first + 53u < u.D) { dqkv[kAt0 + first + 53u] = value[1]; } if (first + 54u < u.D) { dqkv[kAt0 + first + 54u] = value[2]; } if (first + 55u < u.D) { dqkv[kAt0 + first + 55u] = value[3]; } }
    { let value = select(vec4f(), dk0_14 * scale, live); if (first + 56u < u.D) { dqkv[kAt0 + first + 56u] = value[0]; } if (first + 57u < u.D) { dqkv[kAt0 + first + 57u] = value[1]; } if (first + 58u < u.D) { dqkv[kAt0 + first + 58u] = value[2]; } if (first + 59u < u.D) { dqkv[kAt0 + first + 59u] = value[3]; } }
    { let value = select(vec4f(), dk0_15 * scale, live); if (first + 60u < u.D) { dqkv[kAt0 + first + 60u] = value[0]; } if (first + 61u < u.D) { dqkv[kAt0 + first + 61u] = value[1]; } if (first + 62u < u.D) { dqkv[kAt0 + first + 62u] = value[2]; } if (first + 63u < u.D) { dqkv[kAt0 + first + 63u] = value[3]; } }
    { let value = select(vec4f(), dv0_0, live); if (first + 0u < u.D) { dqkv[vAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv0_1, live); if (first + 4u < u.D) { dqkv[vAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv0_2, live); if (first + 8u < u.D) { dqkv[vAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv0_3, live); if (first + 12u < u.D) { dqkv[vAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt0 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv0_4, live); if (first + 16u < u.D) { dqkv[vAt0 + first + 16u] = value[0]; } if (first + 17u < u.D) { dqkv[vAt0 + first + 17u] = value[1]; } if (first + 18u < u.D) { dqkv[vAt0 + first + 18u] = value[2]; } if (first + 19u < u.D) { dqkv[vAt0 + first + 19u] = value[3]; } }
    { let value = select(vec4f(), dv0_5, live); if (first + 20u < u.D) { dqkv[vAt0 + first + 20u] = value[0]; } if (first + 21u < u.D) { dqkv[vAt0 + first + 21u] = value[1]; } if (first + 22u < u.D) { dqkv[vAt0 + first + 22u] = value[2]; } if (first + 23u < u.D) { dqkv[vAt0 + first + 23u] = value[3]; } }
    { let value = select(vec4f(), dv0_6, live); if (first + 24u < u.D) { dqkv[vAt0 + first + 24u] = value[0]; } if (first + 25u < u.D) { dqkv[vAt0 + first + 25u] = value[1]; } if (first + 26u < u.D) { dqkv[vAt0 + first + 26u] = value[2]; } if (first + 27u < u.D) { dqkv[vAt0 + first + 27u] = value[3]; } }
    { let value = select(vec4f(), dv0_7, live); if (first + 28u < u.D) { dqkv[vAt0 + first + 28u] = value[0]; } if (first + 29u < u.D) { dqkv[vAt0 + first + 29u] = value[1]; } if (first + 30u < u.D) { dqkv[vAt0 + first + 30u] = value[2]; } if (first + 31u < u.D) { dqkv[vAt0 + first + 31u] = value[3]; } }
    { let value = select(vec4f(), dv0_8, live); if (first + 32u < u.D) { dqkv[vAt0 + first + 32u] = value[0]; } if (first + 33u < u.D) { dqkv[vAt0 + first + 33u] = value[1]; } if (first + 34u < u.D) { dqkv[vAt0 + first + 34u] = value[2]; } if (first + 35u < u.D) { dqkv[vAt0 + first + 35u] = value[3]; } }
    { let value = select(vec4f(), dv0_9, live); if (first + 36u < u.D) { dqkv[vAt0 + first + 36u] = value[0]; } if (first + 37u < u.D) { dqkv[vAt0 + first + 37u] = value[1]; } if (first + 38u < u.D) { dqkv[vAt0 + first + 38u] = value[2]; } if (first + 39u < u.D) { dqkv[vAt0 + first + 39u] = value[3]; } }
    { let value = select(vec4f(), dv0_10, live); if (first + 40u < u.D) { dqkv[vAt0 + first + 40u] = value[0]; } if (first + 41u < u.D) { dqkv[vAt0 + first + 41u] = value[1]; } if (first + 42u < u.D) { dqkv[vAt0 + first + 42u] = value[2]; } if (first + 43u < u.D) { dqkv[vAt0 + first + 43u] = value[3]; } }
    { let value = select(vec4f(), dv0_11, live); if (first + 44u < u.D) { dqkv[vAt0 + first + 44u] = value[0]; } if (first + 45u < u.D) { dqkv[vAt0 + first + 45u] = value[1]; } if (first + 46u < u.D) { dqkv[vAt0 + first + 46u] = value[2]; } if (first + 47u < u.D) { dqkv[vAt0 + first + 47u] = value[3]; } }
    { let value = select(vec4f(), dv0_12, live); if (first + 48u < u.D) { dqkv[vAt0 + first + 48u] = value[0]; } if (first + 49u < u.D) { dqkv[vAt0 + first + 49u] = value[1]; } if (first + 50u < u.D) { dqkv[vAt0 + first + 50u] = value[2]; } if (first + 51u < u.D) { dqkv[vAt0 + first + 51u] = value[3]; } }
    { let value = select(vec4f(), dv0_13, live); if (first + 52u < u.D) { dqkv[vAt0 + first + 52u] = value[0]; } if (first + 53u < u.D) { dqkv[vAt0 + first + 53u] = value[1]; } if (first + 54u < u.D) { dqkv[vAt0 + first + 54u] = value[2]; } if (first + 55u < u.D) { dqkv[vAt0 + first + 55u] = value[3]; } }
    { let value = select(vec4f(), dv0_14, live); if (first + 56u < u.D) { dqkv[vAt0 + first + 56u] = value[0]; } if (first + 57u < u.D) { dqkv[vAt0 + first + 57u] = value[1]; } if (first + 58u < u.D) { dqkv[vAt0 + first + 58u] = value[2]; } if (first + 59u < u.D) { dqkv[vAt0 + first + 59u] = value[3]; } }
    { let value = select(vec4f(), dv0_15, live); if (first + 60u < u.D) { dqkv[vAt0 + first + 60u] = value[0]; } if (first + 61u < u.D) { dqkv[vAt0 + first + 61u] = value[1]; } if (first + 62u < u.D) { dqkv[vAt0 + first + 62u] = value[2]; } if (first + 63u < u.D) { dqkv[vAt0 + first + 63u] = value[3]; } }
  }
}