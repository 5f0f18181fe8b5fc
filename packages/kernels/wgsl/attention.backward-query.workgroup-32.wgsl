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
  let gAt0 = gAt + place0 * u.yRow;
  let g0_0 = vec4f(select(0.0, dy[gAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g0_1 = vec4f(select(0.0, dy[gAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g0_2 = vec4f(select(0.0, dy[gAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g0_3 = vec4f(select(0.0, dy[gAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let g0_4 = vec4f(select(0.0, dy[gAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, dy[gAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, dy[gAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, dy[gAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let g0_5 = vec4f(select(0.0, dy[gAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, dy[gAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, dy[gAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, dy[gAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let g0_6 = vec4f(select(0.0, dy[gAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, dy[gAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, dy[gAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, dy[gAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let g0_7 = vec4f(select(0.0, dy[gAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, dy[gAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, dy[gAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, dy[gAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  var dq0_0 = vec4f(); var dq0_1 = vec4f(); var dq0_2 = vec4f(); var dq0_3 = vec4f(); var dq0_4 = vec4f(); var dq0_5 = vec4f(); var dq0_6 = vec4f(); var dq0_7 = vec4f();
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
    delta0 = sum4(g0_0 * out_0 + g0_1 * out_1 + g0_2 * out_2 + g0_3 * out_3 + g0_4 * out_4 + g0_5 * out_5 + g0_6 * out_6 + g0_7 * out_7);
    for (var n = 0u; n < outside; n++) { let d = column(n, first); delta0 += dy[gAt0 + d] * y[gAt0 + d]; }
  }
  let begin = 0u;
  let stop = select(select(length, min(length, end), u.causal == 1u), 0u, start >= length);
  
  for (var t = begin; t < stop; t += 32u) {
    workgroupBarrier();
    for (var e = lane; e < 256u; e += 64u) {
      let row = min(t + e / 8u, u.L - 1u);
      let column = first + e % 8u * 4u;
      tile_a[e] = vec4f(select(0.0, qkv[kAt + row * u.row + min(column + 0u, u.D - 1u)], column + 0u < u.D), select(0.0, qkv[kAt + row * u.row + min(column + 1u, u.D - 1u)], column + 1u < u.D), select(0.0, qkv[kAt + row * u.row + min(column + 2u, u.D - 1u)], column + 2u < u.D), select(0.0, qkv[kAt + row * u.row + min(column + 3u, u.D - 1u)], column + 3u < u.D));
      tile_b[e] = vec4f(select(0.0, qkv[vAt + row * u.row + min(column + 0u, u.D - 1u)], column + 0u < u.D), select(0.0, qkv[vAt + row * u.row + min(column + 1u, u.D - 1u)], column + 1u < u.D), select(0.0, qkv[vAt + row * u.row + min(column + 2u, u.D - 1u)], column + 2u < u.D), select(0.0, qkv[vAt + row * u.row + min(column + 3u, u.D - 1u)], column + 3u < u.D));
    }
    
    workgroupBarrier();
    for (var j = t; j < min(t + 32u, stop); j++) {
      
      let k_0 = tile_a[(j - t) * 8u + 0u];
      let k_1 = tile_a[(j - t) * 8u + 1u];
      let k_2 = tile_a[(j - t) * 8u + 2u];
      let k_3 = tile_a[(j - t) * 8u + 3u];
      let k_4 = tile_a[(j - t) * 8u + 4u];
      let k_5 = tile_a[(j - t) * 8u + 5u];
      let k_6 = tile_a[(j - t) * 8u + 6u];
      let k_7 = tile_a[(j - t) * 8u + 7u];
      let v_0 = tile_b[(j - t) * 8u + 0u];
      let v_1 = tile_b[(j - t) * 8u + 1u];
      let v_2 = tile_b[(j - t) * 8u + 2u];
      let v_3 = tile_b[(j - t) * 8u + 3u];
      let v_4 = tile_b[(j - t) * 8u + 4u];
      let v_5 = tile_b[(j - t) * 8u + 5u];
      let v_6 = tile_b[(j - t) * 8u + 6u];
      let v_7 = tile_b[(j - t) * 8u + 7u];
      
    var score0 = 0.0; var gain0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let score = qkv[kAt + j * u.row + d]; let gain = qkv[vAt + j * u.row + d];
      score0 += score * qkv[qAt0 + d];
      gain0 += gain * dy[gAt0 + d];
    }
    {
      let seen = j <= last0;
      let power = exp((sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3 + q0_4 * k_4 + q0_5 * k_5 + q0_6 * k_6 + q0_7 * k_7) + score0) * scale - lse0);
      let slope = power * (sum4(g0_0 * v_0 + g0_1 * v_1 + g0_2 * v_2 + g0_3 * v_3 + g0_4 * v_4 + g0_5 * v_5 + g0_6 * v_6 + g0_7 * v_7) + gain0 - delta0);
      dq0_0 = select(dq0_0, dq0_0 + slope * k_0, seen); dq0_1 = select(dq0_1, dq0_1 + slope * k_1, seen); dq0_2 = select(dq0_2, dq0_2 + slope * k_2, seen); dq0_3 = select(dq0_3, dq0_3 + slope * k_3, seen); dq0_4 = select(dq0_4, dq0_4 + slope * k_4, seen); dq0_5 = select(dq0_5, dq0_5 + slope * k_5, seen); dq0_6 = select(dq0_6, dq0_6 + slope * k_6, seen); dq0_7 = select(dq0_7, dq0_7 + slope * k_7, seen);
    }
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
    if (first == 0u) { deltas[scalarsAt + own0] = select(0.0, delta0, live); }
  }
}