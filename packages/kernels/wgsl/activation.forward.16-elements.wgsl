@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { count4: u32, code: u32, dropout: f32, site: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

fn activate(code: u32, x: vec4f) -> vec4f {
  if (code == 0u) { return x; }
  if (code == 1u) { return select(x, vec4f(), x < vec4f()); }
  let isGelu = code == 2u;
  let slope = select(vec4f(1.0), 1.5957691216057308 + 0.07135481627260025 * x * x, isGelu);
  let sigmoid = 1.0 / (1.0 + exp(-x * slope));
  if (code == 4u) { return sigmoid; }
  return select(x * sigmoid, vec4f(), x < vec4f(select(-100.0, -10.0, isGelu)));
}

fn hash(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn dropped(value: vec4f, i: u32) -> vec4f {
  if (u.dropout == 0.0) { return value; }
  let first = hash(hash(step[0]) ^ u.site) + i * 4u;
  let bits = vec4u(hash(first), hash(first + 1u), hash(first + 2u), hash(first + 3u));
  let random = vec4f(bits >> vec4u(8u)) / 16777216.0;
  return select(vec4f(), value / (1.0 - u.dropout), random >= vec4f(u.dropout));
}


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tileFirst = group * 1024u;
  let tileEnd = min(tileFirst + 1024u, u.count4);
  
  for (var i = tileFirst + lane; i < tileEnd; i += 64u) { y[i] = dropped(activate(u.code, x[i]), i); }
}