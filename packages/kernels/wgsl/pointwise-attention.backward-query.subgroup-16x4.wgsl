enable subgroups;
@group(0) @binding(0) var<storage, read> qkv: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> ages: array<u32>;
@group(0) @binding(3) var<storage, read> biases: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
struct Uniforms { B: u32, L: u32, H: u32, D: u32, P: u32, T: u32, biasRow: u32, qOffset: u32, kOffset: u32, vOffset: u32, row: u32, yOffset: u32, yRow: u32, fill: u32, scale: f32 }
@group(0) @binding(7) var<uniform> u: Uniforms;

fn silu(x: f32) -> f32 { return select(x / (1.0 + exp(-x)), 0.0, x < -80.0); }
fn bucket(distance: u32, buckets: u32) -> u32 { return min(firstLeadingBit(distance + 1u), buckets - 1u); }

fn gap(a: u32, b: u32) -> u32 { return max(a, b) - min(a, b); }
var<workgroup> slopes: array<f32, 1408>;
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
  let place = rows[b * 2u];
  let length = min(rows[b * 2u + 1u], u.L);
  let outside = u.D - min(16u, u.D - first);
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
  let gAt0 = gAt + place0 * u.yRow;
  let g0_0 = vec4f(select(0.0, dy[gAt0 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt0 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt0 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt0 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g0_1 = vec4f(select(0.0, dy[gAt0 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt0 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt0 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt0 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g0_2 = vec4f(select(0.0, dy[gAt0 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt0 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt0 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt0 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g0_3 = vec4f(select(0.0, dy[gAt0 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt0 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt0 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt0 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dq0_0 = vec4f(); var dq0_1 = vec4f(); var dq0_2 = vec4f(); var dq0_3 = vec4f();
  let own1 = start + 8u + lane; let place1 = min(own1, u.L - 1u);
  
  let age1 = ages[place + place1];
  let qAt1 = qAt + place1 * u.row;
  let q1_0 = vec4f(select(0.0, qkv[qAt1 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt1 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt1 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt1 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q1_1 = vec4f(select(0.0, qkv[qAt1 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt1 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt1 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt1 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q1_2 = vec4f(select(0.0, qkv[qAt1 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt1 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt1 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt1 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q1_3 = vec4f(select(0.0, qkv[qAt1 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt1 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt1 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt1 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let gAt1 = gAt + place1 * u.yRow;
  let g1_0 = vec4f(select(0.0, dy[gAt1 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt1 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt1 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt1 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g1_1 = vec4f(select(0.0, dy[gAt1 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt1 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt1 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt1 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g1_2 = vec4f(select(0.0, dy[gAt1 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt1 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt1 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt1 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g1_3 = vec4f(select(0.0, dy[gAt1 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt1 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt1 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt1 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dq1_0 = vec4f(); var dq1_1 = vec4f(); var dq1_2 = vec4f(); var dq1_3 = vec4f();
  let own2 = start + 16u + lane; let place2 = min(own2, u.L - 1u);
  
  let age2 = ages[place + place2];
  let qAt2 = qAt + place2 * u.row;
  let q2_0 = vec4f(select(0.0, qkv[qAt2 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt2 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt2 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt2 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q2_1 = vec4f(select(0.0, qkv[qAt2 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt2 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt2 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt2 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q2_2 = vec4f(select(0.0, qkv[qAt2 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt2 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt2 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt2 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q2_3 = vec4f(select(0.0, qkv[qAt2 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt2 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt2 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt2 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let gAt2 = gAt + place2 * u.yRow;
  let g2_0 = vec4f(select(0.0, dy[gAt2 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt2 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt2 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt2 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g2_1 = vec4f(select(0.0, dy[gAt2 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt2 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt2 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt2 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g2_2 = vec4f(select(0.0, dy[gAt2 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt2 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt2 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt2 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g2_3 = vec4f(select(0.0, dy[gAt2 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt2 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt2 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt2 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dq2_0 = vec4f(); var dq2_1 = vec4f(); var dq2_2 = vec4f(); var dq2_3 = vec4f();
  let own3 = start + 24u + lane; let place3 = min(own3, u.L - 1u);
  
  let age3 = ages[place + place3];
  let qAt3 = qAt + place3 * u.row;
  let q3_0 = vec4f(select(0.0, qkv[qAt3 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, qkv[qAt3 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, qkv[qAt3 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, qkv[qAt3 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let q3_1 = vec4f(select(0.0, qkv[qAt3 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, qkv[qAt3 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, qkv[qAt3 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, qkv[qAt3 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let q3_2 = vec4f(select(0.0, qkv[qAt3 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, qkv[qAt3 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, qkv[qAt3 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, qkv[qAt3 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let q3_3 = vec4f(select(0.0, qkv[qAt3 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, qkv[qAt3 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, qkv[qAt3 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, qkv[qAt3 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  let gAt3 = gAt + place3 * u.yRow;
  let g3_0 = vec4f(select(0.0, dy[gAt3 + min(first + 0u, u.D - 1u)], first + 0u < u.D), select(0.0, dy[gAt3 + min(first + 1u, u.D - 1u)], first + 1u < u.D), select(0.0, dy[gAt3 + min(first + 2u, u.D - 1u)], first + 2u < u.D), select(0.0, dy[gAt3 + min(first + 3u, u.D - 1u)], first + 3u < u.D));
  let g3_1 = vec4f(select(0.0, dy[gAt3 + min(first + 4u, u.D - 1u)], first + 4u < u.D), select(0.0, dy[gAt3 + min(first + 5u, u.D - 1u)], first + 5u < u.D), select(0.0, dy[gAt3 + min(first + 6u, u.D - 1u)], first + 6u < u.D), select(0.0, dy[gAt3 + min(first + 7u, u.D - 1u)], first + 7u < u.D));
  let g3_2 = vec4f(select(0.0, dy[gAt3 + min(first + 8u, u.D - 1u)], first + 8u < u.D), select(0.0, dy[gAt3 + min(first + 9u, u.D - 1u)], first + 9u < u.D), select(0.0, dy[gAt3 + min(first + 10u, u.D - 1u)], first + 10u < u.D), select(0.0, dy[gAt3 + min(first + 11u, u.D - 1u)], first + 11u < u.D));
  let g3_3 = vec4f(select(0.0, dy[gAt3 + min(first + 12u, u.D - 1u)], first + 12u < u.D), select(0.0, dy[gAt3 + min(first + 13u, u.D - 1u)], first + 13u < u.D), select(0.0, dy[gAt3 + min(first + 14u, u.D - 1u)], first + 14u < u.D), select(0.0, dy[gAt3 + min(first + 15u, u.D - 1u)], first + 15u < u.D));
  var dq3_0 = vec4f(); var dq3_1 = vec4f(); var dq3_2 = vec4f(); var dq3_3 = vec4f();
  let begin = 0u;
  let stop = select(min(length, end), 0u, start >= length);
  
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
    let age = ages[place + j];
    var far0 = 0.0; var gain0 = 0.0; var far1 = 0.0; var gain1 = 0.0; var far2 = 0.0; var gain2 = 0.0; var far3 = 0.0; var gain3 = 0.0;
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let far = qkv[kAt + j * u.row + d]; let gain = qkv[vAt + j * u.row + d];
      far0 += far * qkv[qAt0 + d];
      gain0 += gain * dy[gAt0 + d];
      far1 += far * qkv[qAt1 + d];
      gain1 += gain * dy[gAt1 + d];
      far2 += far * qkv[qAt2 + d];
      gain2 += gain * dy[gAt2 + d];
      far3 += far * qkv[qAt3 + d];
      gain3 += gain * dy[gAt3 + d];
    }
    {
      let seen = j <= own0;
      let near = bucket(own0 - j, u.P);
      let time = u.P + bucket(gap(age, age0), u.T);
      let score = (sum4(q0_0 * k_0 + q0_1 * k_1 + q0_2 * k_2 + q0_3 * k_3) + far0) * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let slope = u.scale * sigmoid * (1.0 + score * (1.0 - sigmoid)) * (sum4(g0_0 * v_0 + g0_1 * v_1 + g0_2 * v_2 + g0_3 * v_3) + gain0);
      dq0_0 = select(dq0_0, dq0_0 + slope * k_0, seen); dq0_1 = select(dq0_1, dq0_1 + slope * k_1, seen); dq0_2 = select(dq0_2, dq0_2 + slope * k_2, seen); dq0_3 = select(dq0_3, dq0_3 + slope * k_3, seen);
      if (seen && own0 < length) {
        slopes[(0u + lane) * 44u + near] += slope;
        slopes[(0u + lane) * 44u + time] += slope;
      }
    }
    {
      let seen = j <= own1;
      let near = bucket(own1 - j, u.P);
      let time = u.P + bucket(gap(age, age1), u.T);
      let score = (sum4(q1_0 * k_0 + q1_1 * k_1 + q1_2 * k_2 + q1_3 * k_3) + far1) * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let slope = u.scale * sigmoid * (1.0 + score * (1.0 - sigmoid)) * (sum4(g1_0 * v_0 + g1_1 * v_1 + g1_2 * v_2 + g1_3 * v_3) + gain1);
      dq1_0 = select(dq1_0, dq1_0 + slope * k_0, seen); dq1_1 = select(dq1_1, dq1_1 + slope * k_1, seen); dq1_2 = select(dq1_2, dq1_2 + slope * k_2, seen); dq1_3 = select(dq1_3, dq1_3 + slope * k_3, seen);
      if (seen && own1 < length) {
        slopes[(8u + lane) * 44u + near] += slope;
        slopes[(8u + lane) * 44u + time] += slope;
      }
    }
    {
      let seen = j <= own2;
      let near = bucket(own2 - j, u.P);
      let time = u.P + bucket(gap(age, age2), u.T);
      let score = (sum4(q2_0 * k_0 + q2_1 * k_1 + q2_2 * k_2 + q2_3 * k_3) + far2) * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let slope = u.scale * sigmoid * (1.0 + score * (1.0 - sigmoid)) * (sum4(g2_0 * v_0 + g2_1 * v_1 + g2_2 * v_2 + g2_3 * v_3) + gain2);
      dq2_0 = select(dq2_0, dq2_0 + slope * k_0, seen); dq2_1 = select(dq2_1, dq2_1 + slope * k_1, seen); dq2_2 = select(dq2_2, dq2_2 + slope * k_2, seen); dq2_3 = select(dq2_3, dq2_3 + slope * k_3, seen);
      if (seen && own2 < length) {
        slopes[(16u + lane) * 44u + near] += slope;
        slopes[(16u + lane) * 44u + time] += slope;
      }
    }
    {
      let seen = j <= own3;
      let near = bucket(own3 - j, u.P);
      let time = u.P + bucket(gap(age, age3), u.T);
      let score = (sum4(q3_0 * k_0 + q3_1 * k_1 + q3_2 * k_2 + q3_3 * k_3) + far3) * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let slope = u.scale * sigmoid * (1.0 + score * (1.0 - sigmoid)) * (sum4(g3_0 * v_0 + g3_1 * v_1 + g3_2 * v_2 + g3_3 * v_3) + gain3);
      dq3_0 = select(dq3_0, dq3_0 + slope * k_0, seen); dq3_1 = select(dq3_1, dq3_1 + slope * k_1, seen); dq3_2 = select(dq3_2, dq3_2 + slope * k_2, seen); dq3_3 = select(dq3_3, dq3_3 + slope * k_3, seen);
      if (seen && own3 < length) {
        slopes[(24u + lane) * 44u + near] += slope;
        slopes[(24u + lane) * 44u + time] += slope;
      }
    }
  }
  
  workgroupBarrier();
  let eights = (u.L + 7u) / 8u;
  for (var i = lane; first == 0u && i < 4u * u.biasRow; i += 8u) {
    let e = i % u.biasRow;
    let own = i / u.biasRow;
    var sum = 0.0;
    for (var o = 0u; e < u.P + u.T && o < 8u; o++) { sum += slopes[(own * 8u + o) * 44u + e]; }
    let eighth = start / 8u + own;
    if (eighth < eights) { partial[((b * eights + eighth) * u.H + h) * u.biasRow + e] = sum; }
  }
  if (own0 < select(length, u.L, u.fill == 1u)) {
    let live = own0 < length;
    { let value = select(vec4f(), dq0_0 * scale, live); if (first + 0u < u.D) { dqkv[qAt0 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[qAt0 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[qAt0 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[qAt0 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dq0_1 * scale, live); if (first + 4u < u.D) { dqkv[qAt0 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[qAt0 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[qAt0 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[qAt0 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dq0_2 * scale, live); if (first + 8u < u.D) { dqkv[qAt0 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[qAt0 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[qAt0 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[qAt0 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dq0_3 * scale, live); if (first + 12u < u.D) { dqkv[qAt0 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[qAt0 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[qAt0 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[qAt0 + first + 15u] = value[3]; } }
  }
  if (own1 < select(length, u.L, u.fill == 1u)) {
    let live = own1 < length;
    { let value = select(vec4f(), dq1_0 * scale, live); if (first + 0u < u.D) { dqkv[qAt1 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[qAt1 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[qAt1 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[qAt1 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dq1_1 * scale, live); if (first + 4u < u.D) { dqkv[qAt1 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[qAt1 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[qAt1 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[qAt1 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dq1_2 * scale, live); if (first + 8u < u.D) { dqkv[qAt1 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[qAt1 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[qAt1 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[qAt1 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dq1_3 * scale, live); if (first + 12u < u.D) { dqkv[qAt1 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[qAt1 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[qAt1 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[qAt1 + first + 15u] = value[3]; } }
  }
  if (own2 < select(length, u.L, u.fill == 1u)) {
    let live = own2 < length;
    { let value = select(vec4f(), dq2_0 * scale, live); if (first + 0u < u.D) { dqkv[qAt2 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[qAt2 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[qAt2 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[qAt2 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dq2_1 * scale, live); if (first + 4u < u.D) { dqkv[qAt2 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[qAt2 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[qAt2 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[qAt2 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dq2_2 * scale, live); if (first + 8u < u.D) { dqkv[qAt2 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[qAt2 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[qAt2 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[qAt2 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dq2_3 * scale, live); if (first + 12u < u.D) { dqkv[qAt2 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[qAt2 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[qAt2 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[qAt2 + first + 15u] = value[3]; } }
  }
  if (own3 < select(length, u.L, u.fill == 1u)) {
    let live = own3 < length;
    { let value = select(vec4f(), dq3_0 * scale, live); if (first + 0u < u.D) { dqkv[qAt3 + first + 0u] = value[0]; } if (first + 1u < u.D) { dqkv[qAt3 + first + 1u] = value[1]; } if (first + 2u < u.D) { dqkv[qAt3 + first + 2u] = value[2]; } if (first + 3u < u.D) { dqkv[qAt3 + first + 3u] = value[3]; } }
    { let value = select(vec4f(), dq3_1 * scale, live); if (first + 4u < u.D) { dqkv[qAt3 + first + 4u] = value[0]; } if (first + 5u < u.D) { dqkv[qAt3 + first + 5u] = value[1]; } if (first + 6u < u.D) { dqkv[qAt3 + first + 6u] = value[2]; } if (first + 7u < u.D) { dqkv[qAt3 + first + 7u] = value[3]; } }
    { let value = select(vec4f(), dq3_2 * scale, live); if (first + 8u < u.D) { dqkv[qAt3 + first + 8u] = value[0]; } if (first + 9u < u.D) { dqkv[qAt3 + first + 9u] = value[1]; } if (first + 10u < u.D) { dqkv[qAt3 + first + 10u] = value[2]; } if (first + 11u < u.D) { dqkv[qAt3 + first + 11u] = value[3]; } }
    { let value = select(vec4f(), dq3_3 * scale, live); if (first + 12u < u.D) { dqkv[qAt3 + first + 12u] = value[0]; } if (first + 13u < u.D) { dqkv[qAt3 + first + 13u] = value[1]; } if (first + 14u < u.D) { dqkv[qAt3 + first + 14u] = value[2]; } if (first + 15u < u.D) { dqkv[qAt3 + first + 15u] = value[3]; } }
  }
}