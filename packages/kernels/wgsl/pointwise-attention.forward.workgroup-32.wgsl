@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> ages: array<u32>;
@group(0) @binding(3) var<storage, read> biases: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, P: u32, T: u32, biasRow: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, fill: u32, scale: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;

fn silu(x: f32) -> f32 { return select(x / (1.0 + exp(-x)), 0.0, x < -80.0); }
fn bucket(distance: u32, buckets: u32) -> u32 { return min(firstLeadingBit(distance + 1u), buckets - 1u); }

fn gap(a: u32, b: u32) -> u32 { return max(a, b) - min(a, b); }
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
  let place = rows[b * 2u];
  let length = min(rows[b * 2u + 1u], u.L);
  let outside = u.D - min(32u, u.D - first);
  let headAt = place * u.row + h * u.D;
  let qAt = u.qOffset + headAt;
  let kAt = u.kOffset + headAt;
  let vAt = u.vOffset + headAt;
  let gAt = u.yOffset + place * u.yRow + h * u.D;
  let scalarsAt = sequence * u.L;
  let scale = inverseSqrt(f32(u.D));
  let own0 = start + 0u + lane; let place0 = min(own0, u.L - 1u);
  
  let age0 = ages[place + place0];
  let qAt0 = qAt + place0 * u.row;
  let q0_0 = vec4f(select(0.0, qkv[qAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q0_1 = vec4f(select(0.0, qkv[qAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q0_2 = vec4f(select(0.0, qkv[qAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q0_3 = vec4f(select(0.0, qkv[qAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let q0_4 = vec4f(select(0.0, qkv[qAt0 + min(first + 16u, u.D - 1u)], first + 16u < u.D), select(0.0, qkv[qAt0 + min(first + 17u, u.D - 1u)], first + 17u < u.D), select(0.0, qkv[qAt0 + min(first + 18u, u.D - 1u)], first + 18u < u.D), select(0.0, qkv[qAt0 + min(first + 19u, u.D - 1u)], first + 19u < u.D));
  let q0_5 = vec4f(select(0.0, qkv[qAt0 + min(first + 20u, u.D - 1u)], first + 20u < u.D), select(0.0, qkv[qAt0 + min(first + 21u, u.D - 1u)], first + 21u < u.D), select(0.0, qkv[qAt0 + min(first + 22u, u.D - 1u)], first + 22u < u.D), select(0.0, qkv[qAt0 + min(first + 23u, u.D - 1u)], first + 23u < u.D));
  let q0_6 = vec4f(select(0.0, qkv[qAt0 + min(first + 24u, u.D - 1u)], first + 24u < u.D), select(0.0, qkv[qAt0 + min(first + 25u, u.D - 1u)], first + 25u < u.D), select(0.0, qkv[qAt0 + min(first + 26u, u.D - 1u)], first + 26u < u.D), select(0.0, qkv[qAt0 + min(first + 27u, u.D - 1u)], first + 27u < u.D));
  let q0_7 = vec4f(select(0.0, qkv[qAt0 + min(first + 28u, u.D - 1u)], first + 28u < u.D), select(0.0, qkv[qAt0 + min(first + 29u, u.D - 1u)], first + 29u < u.D), select(0.0, qkv[qAt0 + min(first + 30u, u.D - 1u)], first + 30u < u.D), select(0.0, qkv[qAt0 + min(first + 31u, u.D - 1u)], first + 31u < u.D));
  var y0_0 = vec4f(); var y0_1 = vec4f(); var y0_2 = vec4f(); var y0_3 = vec4f(); var y0_4 = vec4f(); var y0_5 = vec4f(); var y0_6 = vec4f(); var y0_7 = vec4f();
  let begin = 0u;
  let stop = select(min(length, end), 0u, start >= length);
  
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
      let age = ages[place + j];
    var far0 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let far = qkv[kAt + j * u.row + d];
      far0 += far * qkv[qAt0 + d];
    }
    {
      let seen = j <= own0;
      let near = bucket(own0 - j, u.P);
      let time = u.P + bucket(gap(age, age0), u.T);
      let score = (sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3 + q0_4 * k_4 + q0_5 * k_5 + q0_6 * k_6 + q0_7 * k_7) + far0) * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];
      let weight = u.scale * silu(score);
      y0_0 = select(y0_0, y0_0 + weight * v_0, seen); y0_1 = select(y0_1, y0_1 + weight * v_1, seen); y0_2 = select(y0_2, y0_2 + weight * v_2, seen); y0_3 = select(y0_3, y0_3 + weight * v_3, seen); y0_4 = select(y0_4, y0_4 + weight * v_4, seen); y0_5 = select(y0_5, y0_5 + weight * v_5, seen); y0_6 = select(y0_6, y0_6 + weight * v_6, seen); y0_7 = select(y0_7, y0_7 + weight * v_7, seen);
    }
    }
  }
  
  if (own0 < select(length, u.L, u.fill == 1u)) {
    let live = own0 < length;
    let yAt = gAt + own0 * u.yRow;
    { let value = select(vec4f(), y0_0, live); if (first + 0u < u.D) { y[yAt + first + 0u] = value[0]; } if (first + 1u < u.D) { y[yAt + first + 1u] = value[1]; } if (first + 2u < u.D) { y[yAt + first + 2u] = value[2]; } if (first + 3u < u.D) { y[yAt + first + 3u] = value[3]; } }
    { let value = select(vec4f(), y0_1, live); if (first + 4u < u.D) { y[yAt + first + 4u] = value[0]; } if (first + 5u < u.D) { y[yAt + first + 5u] = value[1]; } if (first + 6u < u.D) { y[yAt + first + 6u] = value[2]; } if (first + 7u < u.D) { y[yAt + first + 7u] = value[3]; } }
    { let value = select(vec4f(), y0_2, live); if (first + 8u < u.D) { y[yAt + first + 8u] = value[0]; } if (first + 9u < u.D) { y[yAt + first + 9u] = value[1]; } if (first + 10u < u.D) { y[yAt + first + 10u] = value[2]; } if (first + 11u < u.D) { y[yAt + first + 11u] = value[3]; } }
    { let value = select(vec4f(), y0_3, live); if (first + 12u < u.D) { y[yAt + first + 12u] = value[0]; } if (first + 13u < u.D) { y[yAt + first + 13u] = value[1]; } if (first + 14u < u.D) { y[yAt + first + 14u] = value[2]; } if (first + 15u < u.D) { y[yAt + first + 15u] = value[3]; } }
    { let value = select(vec4f(), y0_4, live); if (first + 16u < u.D) { y[yAt + first + 16u] = value[0]; } if (first + 17u < u.D) { y[yAt + first + 17u] = value[1]; } if (first + 18u < u.D) { y[yAt + first + 18u] = value[2]; } if (first + 19u < u.D) { y[yAt + first + 19u] = value[3]; } }
    { let value = select(vec4f(), y0_5, live); if (first + 20u < u.D) { y[yAt + first + 20u] = value[0]; } if (first + 21u < u.D) { y[yAt + first + 21u] = value[1]; } if (first + 22u < u.D) { y[yAt + first + 22u] = value[2]; } if (first + 23u < u.D) { y[yAt + first + 23u] = value[3]; } }
    { let value = select(vec4f(), y0_6, live); if (first + 24u < u.D) { y[yAt + first + 24u] = value[0]; } if (first + 25u < u.D) { y[yAt + first + 25u] = value[1]; } if (first + 26u < u.D) { y[yAt + first + 26u] = value[2]; } if (first + 27u < u.D) { y[yAt + first + 27u] = value[3]; } }
    { let value = select(vec4f(), y0_7, live); if (first + 28u < u.D) { y[yAt + first + 28u] = value[0]; } if (first + 29u < u.D) { y[yAt + first + 29u] = value[1]; } if (first + 30u < u.D) { y[yAt + first + 30u] = value[2]; } if (first + 31u < u.D) { y[yAt + first + 31u] = value[3]; } }
  }
}