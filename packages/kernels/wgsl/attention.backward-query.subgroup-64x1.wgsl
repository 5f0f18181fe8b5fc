enable subgroups;
@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> lses: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(6) var<storage, read_write> deltas: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, causal: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;

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
  let gAt0 = gAt + place0 * u.yRow;
  let g0_0 = vec4f(select(0.0, dy[gAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g0_1 = vec4f(select(0.0, dy[gAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g0_2 = vec4f(select(0.0, dy[gAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g0_3 = vec4f(select(0.0, dy[gAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let g0_4 = vec4f(select(0.0, dy[gAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, dy[gAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, dy[gAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, dy[gAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let g0_5 = vec4f(select(0.0, dy[gAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, dy[gAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, dy[gAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, dy[gAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let g0_6 = vec4f(select(0.0, dy[gAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, dy[gAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, dy[gAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, dy[gAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let g0_7 = vec4f(select(0.0, dy[gAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, dy[gAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, dy[gAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, dy[gAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  let g0_8 = vec4f(select(0.0, dy[gAt0 + min(first + 32u, u.D - 1u)], first + 32u < u.D), select(0.0, dy[gAt0 + min(first + 33u, u.D - 1u)], first + 33u < u.D), select(0.0, dy[gAt0 + min(first + 34u, u.D - 1u)], first + 34u < u.D), select(0.0, dy[gAt0 + min(first + 35u, u.D - 1u)], first + 35u < u.D));
  let g0_9 = vec4f(select(0.0, dy[gAt0 + min(first + 36u, u.D - 1u)], first + 36u < u.D), select(0.0, dy[gAt0 + min(first + 37u, u.D - 1u)], first + 37u < u.D), select(0.0, dy[gAt0 + min(first + 38u, u.D - 1u)], first + 38u < u.D), select(0.0, dy[gAt0 + min(first + 39u, u.D - 1u)], first + 39u < u.D));
  let g0_10 = vec4f(select(0.0, dy[gAt0 + min(first + 40u, u.D - 1u)], first + 40u < u.D), select(0.0, dy[gAt0 + min(first + 41u, u.D - 1u)], first + 41u < u.D), select(0.0, dy[gAt0 + min(first + 42u, u.D - 1u)], first + 42u < u.D), select(0.0, dy[gAt0 + min(first + 43u, u.D - 1u)], first + 43u < u.D));
  let g0_11 = vec4f(select(0.0, dy[gAt0 + min(first + 44u, u.D - 1u)], first + 44u < u.D), select(0.0, dy[gAt0 + min(first + 45u, u.D - 1u)], first + 45u < u.D), select(0.0, dy[gAt0 + min(first + 46u, u.D - 1u)], first + 46u < u.D), select(0.0, dy[gAt0 + min(first + 47u, u.D - 1u)], first + 47u < u.D));
  let g0_12 = vec4f(select(0.0, dy[gAt0 + min(first + 48u, u.D - 1u)], first + 48u < u.D), select(0.0, dy[gAt0 + min(first + 49u, u.D - 1u)], first + 49u < u.D), select(0.0, dy[gAt0 + min(first + 50u, u.D - 1u)], first + 50u < u.D), select(0.0, dy[gAt0 + min(first + 51u, u.D - 1u)], first + 51u < u.D));
  let g0_13 = vec4f(select(0.0, dy[gAt0 + min(first + 52u, u.D - 1u)], first + 52u < u.D), select(0.0, dy[gAt0 + min(first + 53u, u.D - 1u)], first + 53u < u.D), select(0.0, dy[gAt0 + min(first + 54u, u.D - 1u)], first + 54u < u.D), select(0.0, dy[gAt0 + min(first + 55u, u.D - 1u)], first + 55u < u.D));
  let g0_14 = vec4f(select(0.0, dy[gAt0 + min(first + 56u, u.D - 1u)], first + 56u < u.D), select(0.0, dy[gAt0 + min(first + 57u, u.D - 1u)], first + 57u < u.D), select(0.0, dy[gAt0 + min(first + 58u, u.D - 1u)], first + 58u < u.D), select(0.0, dy[gAt0 + min(first + 59u, u.D - 1u)], first + 59u < u.D));
  let g0_15 = vec4f(select(0.0, dy[gAt0 + min(first + 60u, u.D - 1u)], first + 60u < u.D), select(0.0, dy[gAt0 + min(first + 61u, u.D - 1u)], first + 61u < u.D), select(0.0, dy[gAt0 + min(first + 62u, u.D - 1u)], first + 62u < u.D), select(0.0, dy[gAt0 + min(first + 63u, u.D - 1u)], first + 63u < u.D));
  var dq0_0 = vec4f(); var dq0_1 = vec4f(); var dq0_2 = vec4f(); var dq0_3 = vec4f(); var dq0_4 = vec4f(); var dq0_5 = vec4f(); var dq0_6 = vec4f(); var dq0_7 = vec4f(); var dq0_8 = vec4f(); var dq0_9 = vec4f(); var dq0_10 = vec4f(); var dq0_11 = vec4f(); var dq0_12 = vec4f(); var dq0_13 = vec4f(); var dq0_14 = vec4f(); var dq0_15 = vec4f();
  let lse0 = lses[scalarsAt + place0];
  var delta0 = 0.0;
  {
    let out_0 = vec4f(select(0.0, y[gAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, y[gAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, y[gAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, y[gAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let out_1 = vec4f(select(0.0, y[gAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, y[gAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, y[gAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, y[gAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let out_2 = vec4f(select(0.0, y[gAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, y[gAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, y[gAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, y[gAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let out_3 = vec4f(select(0.0, y[gAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, y[gAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, y[gAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, y[gAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let out_4 = vec4f(select(0.0, y[gAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, y[gAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, y[gAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, y[gAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let out_5 = vec4f(select(0.0, y[gAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, y[gAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, y[gAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, y[gAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let out_6 = vec4f(select(0.0, y[gAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, y[gAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, y[gAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, y[gAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let out_7 = vec4f(select(0.0, y[gAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, y[gAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, y[gAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, y[gAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  let out_8 = vec4f(select(0.0, y[gAt0 + min(first + 32u, u.D - 1u)], first + 32u < u.D), select(0.0, y[gAt0 + min(first + 33u, u.D - 1u)], first + 33u < u.D), select(0.0, y[gAt0 + min(first + 34u, u.D - 1u)], first + 34u < u.D), select(0.0, y[gAt0 + min(first + 35u, u.D - 1u)], first + 35u < u.D));
  let out_9 = vec4f(select(0.0, y[gAt0 + min(first + 36u, u.D - 1u)], first + 36u < u.D), select(0.0, y[gAt0 + min(first + 37u, u.D - 1u)], first + 37u < u.D), select(0.0, y[gAt0 + min(first + 38u, u.D - 1u)], first + 38u < u.D), select(0.0, y[gAt0 + min(first + 39u, u.D - 1u)], first + 39u < u.D));
  let out_10 = vec4f(select(0.0, y[gAt0 + min(first + 40u, u.D - 1u)], first + 40u < u.D), select(0.0, y[gAt0 + min(first + 41u, u.D - 1u)], first + 41u < u.D), select(0.0, y[gAt0 + min(first + 42u, u.D - 1u)], first + 42u < u.D), select(0.0, y[gAt0 + min(first + 43u, u.D - 1u)], first + 43u < u.D));
  let out_11 = vec4f(select(0.0, y[gAt0 + min(first + 44u, u.D - 1u)], first + 44u < u.D), select(0.0, y[gAt0 + min(first + 45u, u.D - 1u)], first + 45u < u.D), select(0.0, y[gAt0 + min(first + 46u, u.D - 1u)], first + 46u < u.D), select(0.0, y[gAt0 + min(first + 47u, u.D - 1u)], first + 47u < u.D));
  let out_12 = vec4f(select(0.0, y[gAt0 + min(first + 48u, u.D - 1u)], first + 48u < u.D), select(0.0, y[gAt0 + min(first + 49u, u.D - 1u)], first + 49u < u.D), select(0.0, y[gAt0 + min(first + 50u, u.D - 1u)], first + 50u < u.D), select(0.0, y[gAt0 + min(first + 51u, u.D - 1u)], first + 51u < u.D));
  let out_13 = vec4f(select(0.0, y[gAt0 + min(first + 52u, u.D - 1u)], first + 52u < u.D), select(0.0, y[gAt0 + min(first + 53u, u.D - 1u)], first + 53u < u.D), select(0.0, y[gAt0 + min(first + 54u, u.D - 1u)], first + 54u < u.D), select(0.0, y[gAt0 + min(first + 55u, u.D - 1u)], first + 55u < u.D));
  let out_14 = vec4f(select(0.0, y[gAt0 + min(first + 56u, u.D - 1u)], first + 56u < u.D), select(0.0, y[gAt0 + min(first + 57u, u.D - 1u)], first + 57u < u.D), select(0.0, y[gAt0 + min(first + 58u, u.D - 1u)], first + 58u < u.D), select(0.0, y[gAt0 + min(first + 59u, u.D - 1u)], first + 59u < u.D));
  let out_15 = vec4f(select(0.0, y[gAt0 + min(first + 60u, u.D - 1u)], first + 60u < u.D), select(0.0, y[gAt0 + min(first + 61u, u.D - 1u)], first + 61u < u.D), select(0.0, y[gAt0 + min(first + 62u, u.D - 1u)], first + 62u < u.D), select(0.0, y[gAt0 + min(first + 63u, u.D - 1u)], first + 63u < u.D));
    delta0 = sum4(g0_0 * out_0 + g0_1 * out_1 + g0_2 * out_2 + g0_3 * out_3 + g0_4 * out_4 + g0_5 * out_5 + g0_6 * out_6 + g0_7 * out_7 + g0_8 * out_8 + g0_9 * out_9 + g0_10 * out_10 + g0_11 * out_11 + g0_12 * out_12 + g0_13 * out_13 + g0_14 * out_14 + g0_15 * out_15);
    for (var n = 0u; n < outside; n++) { let d = column(n, first); delta0 += dy[gAt0 + d] * y[gAt0 + d]; }
  }
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
    
    var score0 = 0.0; var gain0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let score = qkv[kAt + j * u.row + d]; let gain = qkv[vAt + j * u.row + d];
      score0 += score * qkv[qAt0 + d];
      gain0 += gain * dy[gAt0 + d];
    }
    {
      let seen = j <= last0;
      let power = exp((sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3 + q0_4 * k_4 + q0_5 * k_5 + q0_6 * k_6 + q0_7 * k_7 + q0_8 * k_8 + q0_9 * k_9 + q0_10 * k_10 + q0_11 * k_11 + q0_12 * k_12 + q0_13 * k_13 + q0_14 * k_14 + q0_15 * k_15) + score0) * scale - lse0);
      let slope = power * (sum4(g0_0 * v_0 + g0_1 * v_1 + g0_2 * v_2 + g0_3 * v_3 + g0_4 * v_4 + g0_5 * v_5 + g0_6 * v_6 + g0_7 * v_7 + g0_8 * v_8 + g0_9 * v_9 + g0_10 * v_10 + g0_11 * v_11 + g0_12 * v_12 + g0_13 * v_13 + g0_14 * v_14 + g0_15 * v_15) + gain0 - delta0);
      dq0_0 = select(dq0_0, dq0_0 + slope * k_0, seen); dq0_1 = select(dq0_1, dq0_1 + slope * k_1, seen); dq0_2 = select(dq0_2, dq0_2 + slope * k_2, seen); dq0_3 = select(dq0_3, dq0_3 + slope * k_3, seen); dq0_4 = select(dq0_4, dq0_4 + slope * k_4, seen); dq0_5 = select(dq0_5, dq0_5 + slope * k_5, seen); dq0_6 = select(dq0_6, dq0_6 + slope * k_6, seen); dq0_7 = select(dq0_7, dq0_7 + slope * k_7, seen); dq0_8 = select(dq0_8, dq0_8 + slope * k_8, seen); dq0_9 = select(dq0_9, dq0_9 + slope * k_9, seen); dq0_10 = select(dq0_10, dq0_10 + slope * k_10, seen); dq0_11 = select(dq0_11, dq0_11 + slope * k_11, seen); dq0_12 = select(dq0_12, dq0_12 + slope * k_12, seen); dq0_13 = select(dq0_13, dq0_13 + slope * k_13, seen); dq0_14 = select(dq0_14, dq0_14 + slope * k_14, seen); dq0_15 = select(dq0_15, dq0_15 + slope * k_15, seen);
    }
  }
  
  if (own0 < u.L) {
    let live = own0 < length;
    { let value = select(vec4f(), dq0_0 * scale, live); if (first + 0u < u.D) { dqkv[qAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[qAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[qAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[qAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dq0_1 * scale, live); if (first + 4u < u.D) { dqkv[qAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[qAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[qAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[qAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dq0_2 * scale, live); if (first + 8u < u.D) { dqkv[qAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[qAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[qAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[qAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dq0_3 * scale, live); if (first + 12u < u.D) { dqkv[qAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[qAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[qAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[qAt0 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dq0_4 * scale, live); if (first + 16u < u.D) { dqkv[qAt0 + first + 16u] = value[0]; } if (first + 17u < u.D) { dqkv[qAt0 + first + 17u] = value[1]; } if (first + 18u < u.D) { dqkv[qAt0 + first + 18u] = value[2]; } if (first + 19u < u.D) { dqkv[qAt0 + first + 19u] = value[3]; } }
    { let value = select(vec4f(), dq0_5 * scale, live); if (first + 20u < u.D) { dqkv[qAt0 + first + 20u] = value[0]; } if (first + 21u < u.D) { dqkv[qAt0 + first + 21u] = value[1]; } if (first + 22u < u.D) { dqkv[qAt0 + first + 22u] = value[2]; } if (first + 23u < u.D) { dqkv[qAt0 + first + 23u] = value[3]; } }
    { let value = select(vec4f(), dq0_6 * scale, live); if (first + 24u < u.D) { dqkv[qAt0 + first + 24u] = value[0]; } if (first + 25u < u.D) { dqkv[qAt0 + first + 25u] = value[1]; } if (first + 26u < u.D) { dqkv[qAt0 + first + 26u] = value[2]; } if (first + 27u < u.D) { dqkv[qAt0 + first + 27u] = value[3]; } }
    { let value = select(vec4f(), dq0_7 * scale, live); if (first + 28u < u.D) { dqkv[qAt0 + first + 28u] = value[0]; } if (first + 29u < u.D) { dqkv[qAt0 + first + 29u] = value[1]; } if (first + 30u < u.D) { dqkv[qAt0 + first + 30u] = value[2]; } if (first + 31u < u.D) { dqkv[qAt0 + first + 31u] = value[3]; } }
    { let value = select(vec4f(), dq0_8 * scale, live); if (first + 32u < u.D) { dqkv[qAt0 + first + 32u] = value[0]; } if (first + 33u < u.D) { dqkv[qAt0 + first + 33u] = value[1]; } if (first + 34u < u.D) { dqkv[qAt0 + first + 34u] = value[2]; } if (first + 35u < u.D) { dqkv[qAt0 + first + 35u] = value[3]; } }
    { let value = select(vec4f(), dq0_9 * scale, live); if (first + 36u < u.D) { dqkv[qAt0 + first + 36u] = value[0]; } if (first + 37u < u.D) { dqkv[qAt0 + first + 37u] = value[1]; } if (first + 38u < u.D) { dqkv[qAt0 + first + 38u] = value[2]; } if (first + 39u < u.D) { dqkv[qAt0 + first + 39u] = value[3]; } }
    { let value = select(vec4f(), dq0_10 * scale, live); if (first + 40u < u.D) { dqkv[qAt0 + first + 40u] = value[0]; } if (first + 41u < u.D) { dqkv[qAt0 + first + 41u] = value[1]; } if (first + 42u < u.D) { dqkv[qAt0 + first + 42u] = value[2]; } if (first + 43u < u.D) { dqkv[qAt0 + first + 43u] = value[3]; } }
    { let value = select(vec4f(), dq0_11 * scale, live); if (first + 44u < u.D) { dqkv[qAt0 + first + 44u] = value[0]; } if (first + 45u < u.D) { dqkv[qAt0 + first + 45u] = value[1]; } if (first + 46u < u.D) { dqkv[qAt0 + first + 46u] = value[2]; } if (first + 47u < u.D) { dqkv[qAt0 + first + 47u] = value[3]; } }
    { let value = select(vec4f(), dq0_12 * scale, live); if (first + 48u < u.D) { dqkv[qAt0 + first + 48u] = value[0]; } if (first + 49u < u.D) { dqkv[qAt0 + first + 49u] = value[1]; } if (first + 50u < u.D) { dqkv[qAt0 + first + 50u] = value[2]; } if (first + 51u < u.D) { dqkv[qAt0 + first + 51u] = value[3]; } }
    { let value = select(vec4f(), dq0_13 * scale, live); if (first + 52u < u.D) { dqkv[qAt0 + first + 52u] = value[0]; } if (first + 53u < u.D) { dqkv[qAt0 + first + 53u] = value[1]; } if (first + 54u < u.D) { dqkv[qAt0 + first + 54u] = value[2]; } if (first + 55u < u.D) { dqkv[qAt0 + first + 55u] = value[3]; } }
    { let value = select(vec4f(), dq0_14 * scale, live); if (first + 56u < u.D) { dqkv[qAt0 + first + 56u] = value[0]; } if (first + 57u < u.D) { dqkv[qAt0 + first + 57u] = value[1]; } if (first + 58u < u.D) { dqkv[qAt0 + first + 58u] = value[2]; } if (first + 59u < u.D) { dqkv[qAt0 + first + 59u] = value[3]; } }
    { let value = select(vec4f(), dq0_15 * scale, live); if (first + 60u < u.D) { dqkv[qAt0 + first + 60u] = value[0]; } if (first + 61u < u.D) { dqkv[qAt0 + first + 61u] = value[1]; } if (first + 62u < u.D) { dqkv[qAt0 + first + 62u] = value[2]; } if (first + 63u < u.D) { dqkv[qAt0 + first + 63u] = value[3]; } }
    if (first == 0u) { deltas[scalarsAt + own0] = select(0.0, delta0, live); }
  }
}