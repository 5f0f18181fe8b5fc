@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> lses: array<f32>;
@group(0) @binding(3) var<storage, read> deltas: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, causal: u32 }
@group(0) @binding(6) var<uniform> u: Uniforms;

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, 32u, n >= first); }
var<workgroup> tile_a: array<vec4f, 256>;
var<workgroup> tile_b: array<vec4f, 256>;
var<workgroup> tile_scalars: array<vec2f, 32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.L + 63u) / 64u;
  let chunks = (u.D + 31u) / 32u;
  if (group >= u.B * u.H * blocks * chunks) { return; }
  let first = (group % chunks) * 32u;
  let start = (group / chunks) % blocks * 64u;
  let end = start + 64u;
  let sequence = group / chunks / blocks;
  let h = sequence % u.H;
  let b = sequence / u.H;
  let place = b * u.L;
  let length = min(lengths[b], u.L);
  let outside = u.D - min(32u, u.D - first);
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
  let v0_0 = vec4f(select(0.0, qkv[vAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[vAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[vAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[vAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let v0_1 = vec4f(select(0.0, qkv[vAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[vAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[vAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[vAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let v0_2 = vec4f(select(0.0, qkv[vAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[vAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[vAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[vAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let v0_3 = vec4f(select(0.0, qkv[vAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[vAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[vAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[vAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let v0_4 = vec4f(select(0.0, qkv[vAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, qkv[vAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, qkv[vAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, qkv[vAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let v0_5 = vec4f(select(0.0, qkv[vAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, qkv[vAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, qkv[vAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, qkv[vAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let v0_6 = vec4f(select(0.0, qkv[vAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, qkv[vAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, qkv[vAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, qkv[vAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let v0_7 = vec4f(select(0.0, qkv[vAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, qkv[vAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, qkv[vAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, qkv[vAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  var dk0_0 = vec4f(); var dk0_1 = vec4f(); var dk0_2 = vec4f(); var dk0_3 = vec4f(); var dk0_4 = vec4f(); var dk0_5 = vec4f(); var dk0_6 = vec4f(); var dk0_7 = vec4f(); var dv0_0 = vec4f(); var dv0_1 = vec4f(); var dv0_2 = vec4f(); var dv0_3 = vec4f(); var dv0_4 = vec4f(); var dv0_5 = vec4f(); var dv0_6 = vec4f(); var dv0_7 = vec4f();
  let begin = select(0u, start, u.causal == 1u);
  let stop = select(length, 0u, start >= length);
  
  for (var t = begin; t < stop; t += 32u) {
    workgroupBarrier();
    for (var e = lane; e < 256u; e += 64u) {
      let row = min(t + e / 8u, u.L - 1u);
      let column = first + e % 8u * 4u;
      tile_a[e] = vec4f(select(0.0, qkv[qAt + row * u.row + min(column + 0u, u.D - 1u)], column + 0u < u.D), select(0.0, qkv[qAt + row * u.row + min(column + 1u, u.D - 1u)], column + 1u < u.D), select(0.0, qkv[qAt + row * u.row + min(column + 2u, u.D - 1u)], column + 2u < u.D), select(0.0, qkv[qAt + row * u.row + min(column + 3u, u.D - 1u)], column + 3u < u.D));
      tile_b[e] = vec4f(select(0.0, dy[gAt + row * u.yRow + min(column + 0u, u.D - 1u)], column + 0u < u.D), select(0.0, dy[gAt + row * u.yRow + min(column + 1u, u.D - 1u)], column + 1u < u.D), select(0.0, dy[gAt + row * u.yRow + min(column + 2u, u.D - 1u)], column + 2u < u.D), select(0.0, dy[gAt + row * u.yRow + min(column + 3u, u.D - 1u)], column + 3u < u.D));
    }
    if (lane < 32u) { tile_scalars[lane] = vec2f(lses[scalarsAt + min(t + lane, u.L - 1u)], deltas[scalarsAt + min(t + lane, u.L - 1u)]); }
    workgroupBarrier();
    for (var j = t; j < min(t + 32u, stop); j++) {
      let lse = tile_scalars[j - t][0];
      let delta = tile_scalars[j - t][1];
      let q_0 = tile_a[(j - t) * 8u + 0u];
      let q_1 = tile_a[(j - t) * 8u + 1u];
      let q_2 = tile_a[(j - t) * 8u + 2u];
      let q_3 = tile_a[(j - t) * 8u + 3u];
      let q_4 = tile_a[(j - t) * 8u + 4u];
      let q_5 = tile_a[(j - t) * 8u + 5u];
      let q_6 = tile_a[(j - t) * 8u + 6u];
      let q_7 = tile_a[(j - t) * 8u + 7u];
      let g_0 = tile_b[(j - t) * 8u + 0u];
      let g_1 = tile_b[(j - t) * 8u + 1u];
      let g_2 = tile_b[(j - t) * 8u + 2u];
      let g_3 = tile_b[(j - t) * 8u + 3u];
      let g_4 = tile_b[(j - t) * 8u + 4u];
      let g_5 = tile_b[(j - t) * 8u + 5u];
      let g_6 = tile_b[(j - t) * 8u + 6u];
      let g_7 = tile_b[(j - t) * 8u + 7u];
      
    var score0 = 0.0; var gain0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let score = qkv[qAt + j * u.row + d]; let gain = dy[gAt + j * u.yRow + d];
      score0 += score * qkv[kAt0 + d];
      gain0 += gain * qkv[vAt0 + d];
    }
    {
      let seen = u.causal == 0u || j >= own0;
      let power = exp((sum4(k0_0 * q_0 + k0_1 * q_1 + k0_2 * q_2 + k0_3 * q_3 + k0_4 * q_4 + k0_5 * q_5 + k0_6 * q_6 + k0_7 * q_7) + score0) * scale - lse);
      let slope = power * (sum4(v0_0 * g_0 + v0_1 * g_1 + v0_2 * g_2 + v0_3 * g_3 + v0_4 * g_4 + v0_5 * g_5 + v0_6 * g_6 + v0_7 * g_7) + gain0 - delta);
      dv0_0 = select(dv0_0, dv0_0 + power * g_0, seen); dv0_1 = select(dv0_1, dv0_1 + power * g_1, seen); dv0_2 = select(dv0_2, dv0_2 + power * g_2, seen); dv0_3 = select(dv0_3, dv0_3 + power * g_3, seen); dv0_4 = select(dv0_4, dv0_4 + power * g_4, seen); dv0_5 = select(dv0_5, dv0_5 + power * g_5, seen); dv0_6 = select(dv0_6, dv0_6 + power * g_6, seen); dv0_7 = select(dv0_7, dv0_7 + power * g_7, seen);
      dk0_0 = select(dk0_0, dk0_0 + slope * q_0, seen); dk0_1 = select(dk0_1, dk0_1 + slope * q_1, seen); dk0_2 = select(dk0_2, dk0_2 + slope * q_2, seen); dk0_3 = select(dk0_3, dk0_3 + slope * q_3, seen); dk0_4 = select(dk0_4, dk0_4 + slope * q_4, seen); dk0_5 = select(dk0_5, dk0_5 + slope * q_5, seen); dk0_6 = select(dk0_6, dk0_6 + slope * q_6, seen); dk0_7 = select(dk0_7, dk0_7 + slope * q_7, seen);
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
    { let value = select(vec4f(), dv0_0, live); if (first + 0u < u.D) { dqkv[vAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[vAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[vAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[vAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dv0_1, live); if (first + 4u < u.D) { dqkv[vAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[vAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[vAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[vAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dv0_2, live); if (first + 8u < u.D) { dqkv[vAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[vAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[vAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[vAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dv0_3, live); if (first + 12u < u.D) { dqkv[vAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[vAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[vAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[vAt0 + first + 15u] = value[3]; } }
    { let value = select(vec4f(), dv0_4, live); if (first + 16u < u.D) { dqkv[vAt0 + first + 16u] = value[0]; } if (first + 17u < u.D) { dqkv[vAt0 + first + 17u] = value[1]; } if (first + 18u < u.D) { dqkv[vAt0 + first + 18u] = value[2]; } if (first + 19u < u.D) { dqkv[vAt0 + first + 19u] = value[3]; } }
    { let value = select(vec4f(), dv0_5, live); if (first + 20u < u.D) { dqkv[vAt0 + first + 20u] = value[0]; } if (first + 21u < u.D) { dqkv[vAt0 + first + 21u] = value[1]; } if (first + 22u < u.D) { dqkv[vAt0 + first + 22u] = value[2]; } if (first + 23u < u.D) { dqkv[vAt0 + first + 23u] = value[3]; } }
    { let value = select(vec4f(), dv0_6, live); if (first + 24u < u.D) { dqkv[vAt0 + first + 24u] = value[0]; } if (first + 25u < u.D) { dqkv[vAt0 + first + 25u] = value[1]; } if (first + 26u < u.D) { dqkv[vAt0 + first + 26u] = value[2]; } if (first + 27u < u.D) { dqkv[vAt0 + first + 27u] = value[3]; } }
    { let value = select(vec4f(), dv0_7, live); if (first + 28u < u.D) { dqkv[vAt0 + first + 28u] = value[0]; } if (first + 29u < u.D) { dqkv[vAt0 + first + 29u] = value[1]; } if (first + 30u < u.D) { dqkv[vAt0 + first + 30u] = value[2]; } if (first + 31u < u.D) { dqkv[vAt0 + first + 31u] = value[3]; } }
  }
}