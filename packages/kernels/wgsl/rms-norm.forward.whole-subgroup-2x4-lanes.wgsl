enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> moments: array<f32>;
struct Uniforms { V: u32, K: u32, D4: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, hasGain: u32, gainOffset: u32, hasShift: u32, shiftOffset: u32, epsilon: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;

fn gainOf(i: u32) -> vec4f {
  if (u.hasGain == 1u) { return gain[u.gainOffset + i]; }
  return vec4f(1.0);
}
fn shiftOf(i: u32) -> vec4f {
  if (u.hasShift == 1u) { return shift[u.shiftOffset + i]; }
  return vec4f();
}
fn total(value: f32, lane: u32) -> f32 { var sum = value; sum += subgroupShuffleXor(sum, 1u); sum += subgroupShuffleXor(sum, 2u); return sum; }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(subgroup_invocation_id) local: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let lane = local % 4u;
  let count = f32(u.D4 * 4u);
  let first = group * 64u;
  let end = min(u.V, first + 64u);
  var own = first + local / 4u;
  var g0 = vec4f(); if (lane + 0u < u.D4) { g0 = gainOf((lane + 0u)); }
    var s0 = vec4f(); if (lane + 0u < u.D4) { s0 = shiftOf((lane + 0u)); }
  for (var base = first; base < end; base += 2u) {
    let v = min(own, u.V - 1u);
    let isOwn = own < u.V;
    let row = v / u.K;
    let place = v - row * u.K;
    let xAt = u.xOffset + row * u.xRow + place * u.D4;
    let yAt = u.yOffset + row * u.yRow + place * u.D4;
    var x0 = vec4f(); if (lane + 0u < u.D4) { x0 = x[xAt + (lane + 0u)]; }
    let mean = 0.0;
    var squares = vec4f();
    if (lane + 0u < u.D4) { let i = lane + 0u; let e = x0 - mean; squares += e * e; }
    let rstd = inverseSqrt(total(dot(squares, vec4f(1.0)), lane) / count + u.epsilon);
    if (lane + 0u < u.D4) { let i = lane + 0u; if (isOwn) { y[yAt + i] = (x0 - mean) * rstd * g0 + s0; } }
    if (lane == 0u && isOwn) { moments[v * 2u] = mean; moments[v * 2u + 1u] = rstd; }
    own += 2u;
  }
}