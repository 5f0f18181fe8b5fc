@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> frequencies: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, F: u32, K4: u32, xOffset: u32, xRow: u32, frequencyOffset: u32, yOffset: u32, yRow: u32, yFeature: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

fn isMissing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn areMissing(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }

struct SineCosine { sine: vec4f, cosine: vec4f }
fn quarterSine(w: vec4f) -> vec4f {
  let w2 = w * w;
  return w * (6.283185307179586 + w2 * (-41.341702240399755 + w2 * (81.60524927607504 + w2 * (-76.70585975306138 + w2 * (42.05869394489765 + w2 * -15.094642576822988)))));
}
fn sineCosine(turns: vec4f) -> SineCosine {
  let t = turns - round(turns);
  let a = abs(t);
  let sine = quarterSine(0.25 - abs(a - 0.25));
  return SineCosine(select(sine, -sine, t < vec4f()), quarterSine(0.25 - a));
}


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let columns = u.F * u.K4;
  let index = group * 64u + lane;
  let block = index / columns;
  let q = index - block * columns;
  let begin = block * 8u;
  let end = min(u.R, begin + 8u);
  if (begin >= u.R) { return; }
  let f = q / u.K4;
  let k = q - f * u.K4;
  let frequency = frequencies[u.frequencyOffset + q];
  for (var r = begin; r < end; r++) {
    let value = x[u.xOffset + r * u.xRow + f];
    let missing = isMissing(value);
    let turns = sineCosine(value * frequency);
    let to = u.yOffset + r * u.yRow + f * u.yFeature;
    y[to + k] = select(turns.sine, vec4f(), missing);
    y[to + u.K4 + k] = select(turns.cosine, vec4f(), missing);
    if (k == 0u) { y[to + 2u * u.K4] = vec4f(select(0.0, 1.0, missing), 0.0, 0.0, 0.0); }
  }
}