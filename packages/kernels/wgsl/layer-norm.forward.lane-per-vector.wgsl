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
fn total(value: f32, lane: u32) -> f32 { return value; }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let lane = local % 1u;
  let count = f32(u.D4 * 4u);
  let first = group * 32u;
  let end = min(u.V, first + 32u);
  var own = first + local / 1u;
  
    
  for (var base = first; base < end; base += 8u) {
    let v = min(own, u.V - 1u);
    let isOwn = own < u.V;
    let row = v / u.K;
    let place = v - row * u.K;
    let xAt = u.xOffset + row * u.xRow + place * u.D4;
    let yAt = u.yOffset + row * u.yRow + place * u.D4;
    
    var sum = vec4f();
    for (var i = lane + 0u; i < u.D4; i += 1u) { let x = x[xAt + i]; sum += x; }
    let mean = total(dot(sum, vec4f(1.0)), lane) / count;
    var squares = vec4f();
    for (var i = lane + 0u; i < u.D4; i += 1u) { let x = x[xAt + i]; let e = x - mean; squares += e * e; }
    let rstd = inverseSqrt(total(dot(squares, vec4f(1.0)), lane) / count + u.epsilon);
    for (var i = lane + 0u; i < u.D4; i += 1u) { let x = x[xAt + i]; let g = gainOf(i); let s = shiftOf(i); if (isOwn) { y[yAt + i] = (x - mean) * rstd * g + s; } }
    if (lane == 0u && isOwn) { moments[v * 2u] = mean; moments[v * 2u + 1u] = rstd; }
    own += 8u;
  }
}