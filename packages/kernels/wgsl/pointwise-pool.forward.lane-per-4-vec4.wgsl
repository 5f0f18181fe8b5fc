@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read> ages: array<u32>;
@group(0) @binding(3) var<storage, read> queries: array<vec4f>;
@group(0) @binding(4) var<storage, read> biases: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
struct Uniforms { B: u32, L: u32, M: u32, D4: u32, P: u32, T: u32, biasRow: u32, yColumn: u32, yRow: u32, accumulate: u32, fill: u32, scale: f32 }
@group(0) @binding(6) var<uniform> u: Uniforms;

fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }

fn silu(x: f32) -> f32 { return select(x / (1.0 + exp(-x)), 0.0, x < -80.0); }
fn bucket(distance: u32, buckets: u32) -> u32 { return min(firstLeadingBit(distance + 1u), buckets - 1u); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let chunks = (u.D4 + 3u) / 4u;
  let task = group * 64u + lane;
  let me = 0u;
  let b = task / chunks;
  if (b >= u.B) { return; }
  let first = task % chunks * 4u;
  let outside = u.D4 - min(4u, u.D4 - first);
  let quad0 = first + 0u + me; let at0 = min(quad0, u.D4 - 1u);
  let quad1 = first + 1u + me; let at1 = min(quad1, u.D4 - 1u);
  let quad2 = first + 2u + me; let at2 = min(quad2, u.D4 - 1u);
  let quad3 = first + 3u + me; let at3 = min(quad3, u.D4 - 1u);
  let root = inverseSqrt(f32(u.D4 * 4u));
  let begin = rows[b * 2u];
  let length = rows[b * 2u + 1u];
  for (var m0 = 0u; m0 < u.M; m0 += 1u) {
    let own = min(m0 + min(me, 0u), u.M - 1u);
    let q0_0 = select(vec4f(), queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + at0], m0 + 0u < u.M && quad0 < u.D4);
    let q0_1 = select(vec4f(), queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + at1], m0 + 0u < u.M && quad1 < u.D4);
    let q0_2 = select(vec4f(), queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + at2], m0 + 0u < u.M && quad2 < u.D4);
    let q0_3 = select(vec4f(), queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + at3], m0 + 0u < u.M && quad3 < u.D4);
    var y0_0 = vec4f();
    var y0_1 = vec4f();
    var y0_2 = vec4f();
    var y0_3 = vec4f();
    
    for (var l = 0u; l < length; l++) {
      let event = begin + l;
      let x0 = select(vec4f(), x[event * u.D4 + at0], quad0 < u.D4); let x1 = select(vec4f(), x[event * u.D4 + at1], quad1 < u.D4); let x2 = select(vec4f(), x[event * u.D4 + at2], quad2 < u.D4); let x3 = select(vec4f(), x[event * u.D4 + at3], quad3 < u.D4);
      var of_q0 = sum4(q0_0 * x0 + q0_1 * x1 + q0_2 * x2 + q0_3 * x3);
      for (var i = me; i < outside; i += 1u) {
        let d = i + select(0u, 4u, i >= first);
        let value = x[event * u.D4 + d];
        of_q0 += dot(value, queries[0u + min(m0 + 0u, u.M - 1u) * u.D4 + d]);
      }
      var of_q = of_q0;
      let place = bucket(length - 1u - l, u.P);
      let time = u.P + bucket(ages[event], u.T);
      let score = of_q * root + biases[own * u.biasRow + place] + biases[own * u.biasRow + time];
      let weight = u.scale * silu(score);
      { let w = weight; y0_0 += w * x0; y0_1 += w * x1; y0_2 += w * x2; y0_3 += w * x3; }
    }
    let into = b * u.yRow + u.yColumn + m0 * u.D4;
    if (m0 + 0u < u.M && quad0 < u.D4) { y[into + 0u * u.D4 + quad0] = y0_0; }
    if (m0 + 0u < u.M && quad1 < u.D4) { y[into + 0u * u.D4 + quad1] = y0_1; }
    if (m0 + 0u < u.M && quad2 < u.D4) { y[into + 0u * u.D4 + quad2] = y0_2; }
    if (m0 + 0u < u.M && quad3 < u.D4) { y[into + 0u * u.D4 + quad3] = y0_3; }
  }
  
}