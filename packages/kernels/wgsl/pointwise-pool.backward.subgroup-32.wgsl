enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> ages: array<u32>;
@group(0) @binding(3) var<storage, read> queries: array<vec4f>;
@group(0) @binding(4) var<storage, read> biases: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;
struct Uniforms { B: u32, L: u32, M: u32, D4: u32, P: u32, T: u32, biasRow: u32, yColumn: u32, yRow: u32, accumulate: u32, fill: u32, scale: f32 }
@group(0) @binding(8) var<uniform> u: Uniforms;

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

fn silu(x: f32) -> f32 { return select(x / (1.0 + exp(-x)), 0.0, x < -80.0); }
fn bucket(distance: u32, buckets: u32) -> u32 { return min(firstLeadingBit(distance + 1u), buckets - 1u); }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let chunks = (u.D4 + 7u) / 8u;
  let task = group;
  let me = lane;
  let b = task / chunks;
  if (b >= u.B) { return; }
  let first = task % chunks * 8u;
  let outside = u.D4 - min(8u, u.D4 - first);
  let quad0 = first + 0u + me; let at0 = min(quad0, u.D4 - 1u);
  let root = inverseSqrt(f32(u.D4 * 4u));
  let begin = rows[b * 2u];
  let length = rows[b * 2u + 1u];
  for (var m0 = 0u; m0 < u.M; m0 += 2u) {
    let own = min(m0 + min(me, 1u), u.M - 1u);
    let q0_0 = select(vec4f(), queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + at0], m0 + 0u < u.M && quad0 < u.D4);
    let q1_0 = select(vec4f(), queries[0u + min(m0 + 1u, u.M - 1u) * u.D4 + at0], m0 + 1u < u.M && quad0 < u.D4);
    let g0_0 = select(vec4f(), dy[b * u.yRow + u.yColumn + min(m0 + 0u, u.M - 1u) * u.D4 + at0], m0 + 0u < u.M && quad0 < u.D4);
    let g1_0 = select(vec4f(), dy[b * u.yRow + u.yColumn + min(m0 + 1u, u.M - 1u) * u.D4 + at0], m0 + 1u < u.M && quad0 < u.D4);
    var dq0_0 = vec4f();
    var dq1_0 = vec4f();
    let queriesAt = b * u.M * (u.D4 * 4u + u.biasRow);
    let slopesAt = queriesAt + u.M * u.D4 * 4u + own * u.biasRow;
    let keeps = me < 2u && m0 + me < u.M && first == 0u;
    if (keeps) { for (var i = 0u; i < u.biasRow; i++) { partial[slopesAt + i] = 0.0; } }
    
    for (var l = 0u; l < length; l++) {
      let event = begin + l;
      let x0 = select(vec4f(), x[event * u.D4 + at0], quad0 < u.D4);
      var of_q0 = sum4(q0_0 * x0);
      var of_q1 = sum4(q1_0 * x0);
      var of_g0 = sum4(g0_0 * x0);
      var of_g1 = sum4(g1_0 * x0);
      for (var i = me; i < outside; i += 8u) {
        let d = i + select(0u, 8u, i >= first);
        let value = x[event * u.D4 + d];
        of_q0 += dot(value, queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + d]);
        of_q1 += dot(value, queries[0u + min(m0 + 1u, u.M - 1u) * u.D4 + d]);
        of_g0 += dot(value, dy[b * u.yRow + u.yColumn + min(m0 + 0u, u.M - 1u) * u.D4 + d]);
        of_g1 += dot(value, dy[b * u.yRow + u.yColumn + min(m0 + 1u, u.M - 1u) * u.D4 + d]);
      }
      var of_q = subgroupAdd(of_q0);
      of_q = select(of_q, subgroupAdd(of_q1), me == 1u);
      var of_g = subgroupAdd(of_g0);
      of_g = select(of_g, subgroupAdd(of_g1), me == 1u);
      let place = bucket(length - 1u - l, u.P);
      let time = u.P + bucket(ages[event], u.T);
      let score = of_q * root + biases[own * u.biasRow + place] + biases[own * u.biasRow + time];
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let weight = u.scale * silu(score);
      let slope = u.scale * of_g * sigmoid * (1.0 + score * (1.0 - sigmoid));
      if (keeps) {
        partial[slopesAt + place] += slope;
        partial[slopesAt + time] += slope;
      }
      var dx0 = vec4f();
      {
        let w = subgroupBroadcast(weight, 0u);
        let s = subgroupBroadcast(slope, 0u) * root;
        dx0 += w * g0_0 + s * q0_0; dq0_0 += s * x0;
      }
      {
        let w = subgroupBroadcast(weight, 1u);
        let s = subgroupBroadcast(slope, 1u) * root;
        dx0 += w * g1_0 + s * q1_0; dq1_0 += s * x0;
      }
      if (quad0 < u.D4) { let i = event * u.D4 + quad0; dx[i] = select(vec4f(), dx[i], m0 > 0u || u.accumulate == 1u) + dx0; }
    }
    if (m0 + 0u < u.M && quad0 < u.D4) { let i = queriesAt + ((m0 + 0u) * u.D4 + quad0) * 4u; partial[i + 0u] = dq0_0[0]; partial[i + 1u] = dq0_0[1]; partial[i + 2u] = dq0_0[2]; partial[i + 3u] = dq0_0[3]; }
    if (m0 + 1u < u.M && quad0 < u.D4) { let i = queriesAt + ((m0 + 1u) * u.D4 + quad0) * 4u; partial[i + 0u] = dq1_0[0]; partial[i + 1u] = dq1_0[1]; partial[i + 2u] = dq1_0[2]; partial[i + 3u] = dq1_0[3]; }
  }
  for (var l = length; u.fill == 1u && l < u.L; l++) { if (quad0 < u.D4) { dx[(begin + l) * u.D4 + quad0] = vec4f(); } }
}