@group(0) @binding(0) var<storage, read> decays: array<vec4f>;
@group(0) @binding(1) var<storage, read> channels: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> signals: array<vec4f>;
@group(0) @binding(4) var<storage, read> dsignals: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> ddecays: array<vec4f>;
struct Uniforms { R: u32, L: u32, H: u32, C: u32, F: u32 }
@group(0) @binding(6) var<uniform> u: Uniforms;



fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }

fn exponentials(x: vec4f) -> vec4f { return vec4f(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w)); }
fn has() -> vec4<bool> { return vec4u(0u, 1u, 2u, 3u) < vec4u(u.H); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = group * 64u + lane;
  if (row >= u.R) { return; }
  let length = min(lengths[row], u.L);
  var sum = vec4f();
  for (var l = 0u; l < length; l++) {
    let event = (row * u.L + l) * 2u;
    sum -= f32(length - 1u - l) * signals[event] * dsignals[event];
  }
  ddecays[row] = select(vec4f(), sum * exponentials(decays[0]), has());
}