enable subgroups;
@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> lses: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, causal: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;

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
  
  let last0 = select(u.L, own0, u.causal == 1u);
  let qAt0 = qAt + place0 * u.row;
  let q0_0 = vec4f(select(0.0, qkv[qAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q0_1 = vec4f(select(0.0, qkv[qAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q0_2 = vec4f(select(0.0, qkv[qAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q0_3 = vec4f(select(0.0, qkv[qAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let q0_4 = vec4f(select(0.0, qkv[qAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, qkv[qAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, qkv[qAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, qkv[qAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let q0_5 = vec4f(select(0.0, qkv[qAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, qkv[qAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, qkv[qAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, qkv[qAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let q0_6 = vec4f(select(0.0, qkv[qAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, qkv[qAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, qkv[qAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, qkv[qAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let q0_7 = vec4f(select(0.0, qkv[qAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, qkv[qAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, qkv[qAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, qkv[qAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  let q0_8 = vec4f(select(0.0, qkv[qAt0 + min(first + 32u, u.D - 1u)], first + 32u < u.D), select(0.0, qkv[qAt0 + min(first + 33u, u.D - 1u)], first + 33u < u.D), select(0.0, qkv[qAt0 + min(first + 34u, u.D - 1u)], first + 34u < u.D), select(0.0, qkv[qAt0 + min(first + 35u, u.D - 1u)], first + 35u < u.D));
  let q0_9 = vec4f(select(0.0, qkv[qAt0 + min(first + 36u, u.D - 1u)], first + 36u < u.D), select(0.0, qkv[qAt0 + min(first + 37u, u.D - 1u)], first + 37u < u.D), select(0.0, qkv[qAt0 + min(first + 38u, u.D - 1u)], first + 38u < u.D), select(0.0, qkv[qAt0 + min(first + 39u, u.D - 1u)], first + 39u < u.D));
  let q0_10 = vec4f(select(0.0, qkv[qAt0 + min(first + 40u, u.D - 1u)], first + 40u < u.D), select(0.0, qkv[qAt0 + min(first + 41u, u.D - 1u)], first + 41u < u.D), select(0.0, qkv[qAt0 + min(first + 42u, u.D - 1u)], first + 42u < u.D), select(0.0, qkv[qAt0 + min(first + 43u, u.D - 1u)], first + 43u < u.D));
  let q0_11 = vec4f(select(0.0, qkv[qAt0 + min(first + 44u, u.D - 1u)], first + 44u < u.D), select(0.0, qkv[qAt0 + min(first + 45u, u.D - 1u)], first + 45u < u.D), select(0.0, qkv[qAt0 + min(first + 46u, u.D - 1u)], first + 46u < u.D), select(0.0, qkv[qAt0 + min(first + 47u, u.D - 1u)], first + 47u < u.D));
  let q0_12 = vec4f(select(0.0, qkv[qAt0 + min(first + 48u, u.D - 1u)], first + 48u < u.D), select(0.0, qkv[qAt0 + min(first + 49u, u.D - 1u)], first + 49u < u.D), select(0.0, qkv[qAt0 + min(first + 50u, u.D - 1u)], first + 50u < u.D), select(0.0, qkv[qAt0 + min(first + 51u, u.D - 1u)], first + 51u < u.D));
  let q0_13 = vec4f(select(0.0, qkv[qAt0 + min(first + 52u, u.D - 1u)], first + 52u < u.D), select(0.0, qkv[qAt0 + min(first + 53u, u.D - 1u)], first + 53u < u.D), select(0.0, qkv[qAt0 + min(first + 54u, u.D - 1u)], first + 54u < u.D), select(0.0, qkv[qAt0 + min(first + 55u, u.D - 1u)], first + 55u < u.D));
  let q0_14 = vec4f(select(0.0, qkv[qAt0 + min(first + 56u, u.D - 1u)], first + 56u < u.D), select(0.0, qkv[qAt0 + min(first + 57u, u.D - 1u)], first + 57u < u.D), select(0.0, qkv[qAt0 + min(first + 58u, u.D - 1u)], first + 58u < u.D), select(0.0, qkv[qAt0 + min(first + 59u, u.D - 1u)], first + 59u < u.D));
  let q0_15 = vec4f(select(0.0, qkv[qAt0 + min(first + 60u, u.D - 1u)], first + 60u < u.D), select(0.0, qkv[qAt0 + min(first + 61u, u.D - 1u)], first + 61u < u.D), select(0.0, qkv[qAt0 + min(first + 62u, u.D - 1u)], first + 62u < u.D), select(0.0, qkv[qAt0 + min(first + 63u, u.D - 1u)], first + 63u < u.D));
  var top0 = -3.4e38;
  var total0 = 0.0;
  var y0_0 = vec4f(); var y0_1 = vec4f(); var y0_2 = vec4f(); var y0_3 = vec4f(); var y0_4 = vec4f(); var y0_5 = vec4f(); var y0_6 = vec4f(); var y0_7 = vec4f(); var y0_8 = vec4f(); var y0_9 = vec4f(); var y0_10 = vec4f(); var y0_11 = vec4f(); var y0_12 = vec4f(); var y0_13 = vec4f(); var y0_14 = vec4f(); var y0_15 = vec4f();
  let begin = 0u;
  let stop = select(select(length, min(length, end), u.causal == 1u), 0u, start >= length);
  
  let column0 = min(first + 0u + (lane & 7u), u.D - 1u); let inside0 = first + 0u + (lane & 7u) < u.D;
  let column1 = min(first + 8u + (lane & 7u), u.D - 1u); let inside1 = first + 8u + (lane & 7u) < u.D;
  let column2 = min(first + 16u + (lane & 7u), u.D - 1u); let inside2 = first + 16u + (lane & 7u) < u.D;
  let column3 = min(first + 24u + (lane & 7u), u.D - 1u); let inside3 = first + 24u + (lane & 7u) < u.D;
  let column4 = min(first + 32u + (lane & 7u), u.D - 1u); let inside4 = first + 32u + (lane & 7u) < u.D;
  let column5 = min(first + 40u + (lane & 7u), u.D - 1u); let inside5 = first + 40u + (lane & 7u) < u.D;
  let column6 = min(first + 48u + (lane & 7u), u.D - 1u); let inside6 = first + 48u + (lane & 7u) < u.D;
  let column7 = min(first + 56u + (lane & 7u), u.D - 1u); let inside7 = first + 56u + (lane & 7u) < u.D;
  for (var j = begin; j < stop; j++) {
    let k_own0 = select(0.0, qkv[kAt + j * u.row + column0], inside0);
    let k_own1 = select(0.0, qkv[kAt + j * u.row + column1], inside1);
    let k_own2 = select(0.0, qkv[kAt + j * u.row + column2], inside2);
    let k_own3 = select(0.0, qkv[kAt + j * u.row + column3], inside3);
    let k_own4 = select(0.0, qkv[kAt + j * u.row + column4], inside4);
    let k_own5 = select(0.0, qkv[kAt + j * u.row + column5], inside5);
    let k_own6 = select(0.0, qkv[kAt + j * u.row + column6], inside6);
    let k_own7 = select(0.0, qkv[kAt + j * u.row + column7], inside7);
    let k_0 = vec4f(subgroupBroadcast(k_own0, 0u), subgroupBroadcast(k_own0, 1u), subgroupBroadcast(k_own0, 2u), subgroupBroadcast(k_own0, 3u));
    let k_1 = vec4f(subgroupBroadcast(k_own0, 4u), subgroupBroadcast(k_own0, 5u), subgroupBroadcast(k_own0, 6u), subgroupBroadcast(k_own0, 7u));
    let k_2 = vec4f(subgroupBroadcast(k_own1, 0u), subgroupBroadcast(k_own1, 1u), subgroupBroadcast(k_own1, 2u), subgroupBroadcast(k_own1, 3u));
    let k_3 = vec4f(subgroupBroadcast(k_own1, 4u), subgroupBroadcast(k_own1, 5u), subgroupBroadcast(k_own1, 6u), subgroupBroadcast(k_own1, 7u));
    let k_4 = vec4f(subgroupBroadcast(k_own2, 0u), subgroupBroadcast(k_own2, 1u), subgroupBroadcast(k_own2, 2u), subgroupBroadcast(k_own2, 3u));
    let k_5 = vec4f(subgroupBroadcast(k_own2, 4u), subgroupBroadcast(k_own2, 5u), subgroupBroadcast(k_own2, 6u), subgroupBroadcast(k_own2, 7u));
    let k_6 = vec4f(subgroupBroadcast(k_own3, 0u), subgroupBroadcast(k_own3, 1u), subgroupBroadcast(k_own3, 2u), subgroupBroadcast(k_own3, 3u));
    let k_7 = vec4f(subgroupBroadcast(k_own3, 4u), subgroupBroadcast(k_own3, 5u), subgroupBroadcast(k_own3, 6u), subgroupBroadcast(k_own3, 7u));
    let k_8 = vec4f(subgroupBroadcast(k_own4, 0u), subgroupBroadcast(k_own4, 1u), subgroupBroadcast(k_own4, 2u), subgroupBroadcast(k_own4, 3u));
    let k_9 = vec4f(subgroupBroadcast(k_own4, 4u), subgroupBroadcast(k_own4, 5u), subgroupBroadcast(k_own4, 6u), subgroupBroadcast(k_own4, 7u));
    let k_10 = vec4f(subgroupBroadcast(k_own5, 0u), subgroupBroadcast(k_own5, 1u), subgroupBroadcast(k_own5, 2u), subgroupBroadcast(k_own5, 3u));
    let k_11 = vec4f(subgroupBroadcast(k_own5, 4u), subgroupBroadcast(k_own5, 5u), subgroupBroadcast(k_own5, 6u), subgroupBroadcast(k_own5, 7u));
    let k_12 = vec4f(subgroupBroadcast(k_own6, 0u), subgroupBroadcast(k_own6, 1u), subgroupBroadcast(k_own6, 2u), subgroupBroadcast(k_own6, 3u));
    let k_13 = vec4f(subgroupBroadcast(k_own6, 4u), subgroupBroadcast(k_own6, 5u), subgroupBroadcast(k_own6, 6u), subgroupBroadcast(k_own6, 7u));
    let k_14 = vec4f(subgroupBroadcast(k_own7, 0u), subgroupBroadcast(k_own7, 1u), subgroupBroadcast(k_own7, 2u), subgroupBroadcast(k_own7, 3u));
    let k_15 = vec4f(subgroupBroadcast(k_own7, 4u), subgroupBroadcast(k_own7, 5u), subgroupBroadcast(k_own7, 6u), subgroupBroadcast(k_own7, 7u));
    let v_own0 = select(0.0, qkv[vAt + j * u.row + column0], inside0);
    let v_own1 = select(0.0, qkv[vAt + j * u.row + column1], inside1);
    let v_own2 = select(0.0, qkv[vAt + j * u.row + column2], inside2);
    let v_own3 = select(0.0, qkv[vAt + j * u.row + column3], inside3);
    let v_own4 = select(0.0, qkv[vAt + j * u.row + column4], inside4);
    let v_own5 = select(0.0, qkv[vAt + j * u.row + column5], inside5);
    let v_own6 = select(0.0, qkv[vAt + j * u.row + column6], inside6);
    let v_own7 = select(0.0, qkv[vAt + j * u.row + column7], inside7);
    let v_0 = vec4f(subgroupBroadcast(v_own0, 0u), subgroupBroadcast(v_own0, 1u), subgroupBroadcast(v_own0, 2u), subgroupBroadcast(v_own0, 3u));
    let v_1 = vec4f(subgroupBroadcast(v_own0, 4u), subgroupBroadcast(v_own0, 5u), subgroupBroadcast(v_own0, 6u), subgroupBroadcast(v_own0, 7u));
    let v_2 = vec4f(subgroupBroadcast(v_own1, 0u), subgroupBroadcast(v_own1, 1u), subgroupBroadcast(v_own1, 2u), subgroupBroadcast(v_own1, 3u));
    let v_3 = vec4f(subgroupBroadcast(v_own1, 4u), subgroupBroadcast(v_own1, 5u), subgroupBroadcast(v_own1, 6u), subgroupBroadcast(v_own1, 7u));
    let v_4 = vec4f(subgroupBroadcast(v_own2, 0u), subgroupBroadcast(v_own2, 1u), subgroupBroadcast(v_own2, 2u), subgroupBroadcast(v_own2, 3u));
    let v_5 = vec4f(subgroupBroadcast(v_own2, 4u), subgroupBroadcast(v_own2, 5u), subgroupBroadcast(v_own2, 6u), subgroupBroadcast(v_own2, 7u));
    let v_6 = vec4f(subgroupBroadcast(v_own3, 0u), subgroupBroadcast(v_own3, 1u), subgroupBroadcast(v_own3, 2u), subgroupBroadcast(v_own3, 3u));
    let v_7 = vec4f(subgroupBroadcast(v_own3, 4u), subgroupBroadcast(v_own3, 5u), subgroupBroadcast(v_own3, 6u), subgroupBroadcast(v_own3, 7u));
    let v_8 = vec4f(subgroupBroadcast(v_own4, 0u), subgroupBroadcast(v_own4, 1u), subgroupBroadcast(v_own4, 2u), subgroupBroadcast(v_own4, 3u));
    let v_9 = vec4f(subgroupBroadcast(v_own4, 4u), subgroupBroadcast(v_own4, 5u), subgroupBroadcast(v_own4, 6u), subgroupBroadcast(v_own4, 7u));
    let v_10 = vec4f(subgroupBroadcast(v_own5, 0u), subgroupBroadcast(v_own5, 1u), subgroupBroadcast(v_own5, 2u), subgroupBroadcast(v_own5, 3u));
    let v_11 = vec4f(subgroupBroadcast(v_own5, 4u), subgroupBroadcast(v_own5, 5u), subgroupBroadcast(v_own5, 6u), subgroupBroadcast(v_own5, 7u));
    let v_12 = vec4f(subgroupBroadcast(v_own6, 0u), subgroupBroadcast(v_own6, 1u), subgroupBroadcast(v_own6, 2u), subgroupBroadcast(v_own6, 3u));
    let v_13 = vec4f(subgroupBroadcast(v_own6, 4u), subgroupBroadcast(v_own6, 5u), subgroupBroadcast(v_own6, 6u), subgroupBroadcast(v_own6, 7u));
    let v_14 = vec4f(subgroupBroadcast(v_own7, 0u), subgroupBroadcast(v_own7, 1u), subgroupBroadcast(v_own7, 2u), subgroupBroadcast(v_own7, 3u));
    let v_15 = vec4f(subgroupBroadcast(v_own7, 4u), subgroupBroadcast(v_own7, 5u), subgroupBroadcast(v_own7, 6u), subgroupBroadcast(v_own7, 7u));
    
    var far0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let far = qkv[kAt + j * u.row + d];
      far0 += far * qkv[qAt0 + d];
    }
    {
      let seen = j <= last0;
      let score = (sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3 + q0_4 * k_4 + q0_5 * k_5 + q0_6 * k_6 + q0_7 * k_7 + q0_8 * k_8 + q0_9 * k_9 + q0_10 * k_10 + q0_11 * k_11 + q0_12 * k_12 + q0_13 * k_13 + q0_14 * k_14 + q0_15 * k_15) + far0) * scale;
      let top = select(top0, score, seen && score > top0);
      let shrink = exp(top0 - top);
      let power = select(0.0, exp(score - top), seen);
      total0 = total0 * shrink + power;
      y0_0 = select(y0_0, y0_0 * shrink + power * v_0, seen); y0_1 = select(y0_1, y0_1 * shrink + power * v_1, seen); y0_2 = select(y0_2, y0_2 * shrink + power * v_2, seen); y0_3 = select(y0_3, y0_3 * shrink + power * v_3, seen); y0_4 = select(y0_4, y0_4 * shrink + power * v_4, seen); y0_5 = select(y0_5, y0_5 * shrink + power * v_5, seen); y0_6 = select(y0_6, y0_6 * shrink + power * v_6, seen); y0_7 = select(y0_7, y0_7 * shrink + power * v_7, seen); y0_8 = select(y0_8, y0_8 * shrink + power * v_8, seen); y0_9 = select(y0_9, y0_9 * shrink + power * v_9, seen); y0_10 = select(y0_10, y0_10 * shrink + power * v_10, seen); y0_11 = select(y0_11, y0_11 * shrink + power * v_11, seen); y0_12 = select(y0_12, y0_12 * shrink + power * v_12, seen); y0_13 = select(y0_13, y0_13 * shrink + power * v_13, seen); y0_14 = select(y0_14, y0_14 * shrink + power * v_14, seen); y0_15 = select(y0_15, y0_15 * shrink + power * v_15, seen);
      top0 = top;
    }
  }
  
  if (own0 < u.L) {
    let live = own0 < length;
    let yAt = gAt + own0 * u.yRow;
    { let value = select(vec4f(), y0_0 / total0, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y0_1 / total0, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y0_2 / total0, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y0_3 / total0, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    { let value = select(vec4f(), y0_4 / total0, live); if (first + 16u < u.D) { y[yAt + first + 16u] = value[0]; } if (first + 17u < u.D) { y[yAt + first + 17u] = value[1]; } if (first + 18u < u.D) { y[yAt + first + 18u] = value[2]; } if (first + 19u < u.D) { y[yAt + first + 19u] = value[3]; } }
    { let value = select(vec4f(), y0_5 / total0, live); if (first + 20u < u.D) { y[yAt + first + 20u] = value[0]; } if (first + 21u < u.D) { y[yAt + first + 21u] = value[1]; } if (first + 22u < u.D) { y[yAt + first + 22u] = value[2]; } if (first + 23u < u.D) { y[yAt + first + 23u] = value[3]; } }
    { let value = select(vec4f(), y0_6 / total0, live); if (first + 24u < u.D) { y[yAt + first + 24u] = value[0]; } if (first + 25u < u.D) { y[yAt + first + 25u] = value[1]; } if (first + 26u < u.D) { y[yAt + first + 26u] = value[2]; } if (first + 27u < u.D) { y[yAt + first + 27u] = value[3]; } }
    { let value = select(vec4f(), y0_7 / total0, live); if (first + 28u < u.D) { y[yAt + first + 28u] = value[0]; } if (first + 29u < u.D) { y[yAt + first + 29u] = value[1]; } if (first + 30u < u.D) { y[yAt + first + 30u] = value[2]; } if (first + 31u < u.D) { y[yAt + first + 31u] = value[3]; } }
    { let value = select(vec4f(), y0_8 / total0, live); if (first + 32u < u.D) { y[yAt + first + 32u] = value[0]; } if (first + 33u < u.D) { y[yAt + first + 33u] = value[1]; } if (first + 34u < u.D) { y[yAt + first + 34u] = value[2]; } if (first + 35u < u.D) { y[yAt + first + 35u] = value[3]; } }
    { let value = select(vec4f(), y0_9 / total0, live); if (first + 36u < u.D) { y[yAt + first + 36u] = value[0]; } if (first + 37u < u.D) { y[yAt + first + 37u] = value[1]; } if (first + 38u < u.D) { y[yAt + first + 38u] = value[2]; } if (first + 39u < u.D) { y[yAt + first + 39u] = value[3]; } }
    { let value = select(vec4f(), y0_10 / total0, live); if (first + 40u < u.D) { y[yAt + first + 40u] = value[0]; } if (first + 41u < u.D) { y[yAt + first + 41u] = value[1]; } if (first + 42u < u.D) { y[yAt + first + 42u] = value[2]; } if (first + 43u < u.D) { y[yAt + first + 43u] = value[3]; } }
    { let value = select(vec4f(), y0_11 / total0, live); if (first + 44u < u.D) { y[yAt + first + 44u] = value[0]; } if (first + 45u < u.D) { y[yAt + first + 45u] = value[1]; } if (first + 46u < u.D) { y[yAt + first + 46u] = value[2]; } if (first + 47u < u.D) { y[yAt + first + 47u] = value[3]; } }
    { let value = select(vec4f(), y0_12 / total0, live); if (first + 48u < u.D) { y[yAt + first + 48u] = value[0]; } if (first + 49u < u.D) { y[yAt + first + 49u] = value[1]; } if (first + 50u < u.D) { y[yAt + first + 50u] = value[2]; } if (first + 51u < u.D) { y[yAt + first + 51u] = value[3]; } }
    { let value = select(vec4f(), y0_13 / total0, live); if (first + 52u < u.D) { y[yAt + first + 52u] = value[0]; } if (first + 53u < u.D) { y[yAt + first + 53u] = value[1]; } if (first + 54u < u.D) { y[yAt + first + 54u] = value[2]; } if (first + 55u < u.D) { y[yAt + first + 55u] = value[3]; } }
    { let value = select(vec4f(), y0_14 / total0, live); if (first + 56u < u.D) { y[yAt + first + 56u] = value[0]; } if (first + 57u < u.D) { y[yAt + first + 57u] = value[1]; } if (first + 58u < u.D) { y[yAt + first + 58u] = value[2]; } if (first + 59u < u.D) { y[yAt + first + 59u] = value[3]; } }
    { let value = select(vec4f(), y0_15 / total0, live); if (first + 60u < u.D) { y[yAt + first + 60u] = value[0]; } if (first + 61u < u.D) { y[yAt + first + 61u] = value[1]; } if (first + 62u < u.D) { y[yAt + first + 62u] = value[2]; } if (first + 63u < u.D) { y[yAt + first + 63u] = value[3]; } }
    if (first == 0u) { lses[scalarsAt + own0] = select(0.0, top0 + log(total0), live); }
  }
}