@group(0) @binding(0) var<storage, read> decays: array<vec4f>;
@group(0) @binding(1) var<storage, read> channels: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> signals: array<vec4f>;
struct Uniforms { R: u32, L: u32, H: u32, C: u32, F: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;



fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }

fn exponentials(x: vec4f) -> vec4f { return vec4f(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w)); }
fn has() -> vec4<bool> { return vec4u(0u, 1u, 2u, 3u) < vec4u(u.H); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let event = group * 64u + lane;
  if (event >= u.R * u.L) { return; }
  let length = lengths[event / u.L];
  let place = event % u.L;
  let later = f32(max(length, place + 1u) - 1u - place);
  let flag = select(0.0, channels[event * u.C + min(u.F, u.C - 1u)], u.F < u.C);
  let weights = select(exponentials(-later * exponentials(decays[0])), vec4f(), flag > 0.5);
  signals[event * 2u] = select(vec4f(), weights, has() & vec4<bool>(place < length));
}