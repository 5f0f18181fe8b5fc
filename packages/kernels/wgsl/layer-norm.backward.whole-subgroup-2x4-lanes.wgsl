enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { V: u32, K: u32, D4: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, hasGain: u32, gainOffset: u32, hasShift: u32, shiftOffset: u32, epsilon: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;

fn gainOf(i: u32) -> vec4f {
  if (u.hasGain == 1u) { return gain[u.gainOffset + i]; }
  return vec4f(1.0);
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
  for (var base = first; base < end; base += 2u) {
    let v = min(own, u.V - 1u);
    let isOwn = own < u.V;
    let row = v / u.K;
    let place = v - row * u.K;
    let xAt = u.xOffset + row * u.xRow + place * u.D4;
    let yAt = u.yOffset + row * u.yRow + place * u.D4;
    let mean = moments[v * 2u];
    let rstd = moments[v * 2u + 1u];
    var x0 = vec4f(); if (lane + 0u < u.D4) { x0 = (x[xAt + (lane + 0u)] - mean) * rstd; }
    var d0 = vec4f(); if (lane + 0u < u.D4) { d0 = dy[yAt + (lane + 0u)]; }
    var sum = vec4f();
    var along = vec4f();
    if (lane + 0u < u.D4) { let i = lane + 0u; let e = d0 * g0; sum += e; along += e * x0; }
    let level = total(dot(sum, vec4f(1.0)), lane) / count;
    let slope = total(dot(along, vec4f(1.0)), lane) / count;
    if (lane + 0u < u.D4) { let i = lane + 0u; if (isOwn) { dx[xAt + i] = rstd * (d0 * g0 - level - x0 * slope); } }
    own += 2u;
  }
}