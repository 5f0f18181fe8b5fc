@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> frequencies: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
struct Uniforms { R: u32, F: u32, K4: u32, xOffset: u32, xRow: u32, frequencyOffset: u32, yOffset: u32, yRow: u32, yFeature: u32, S: u32, outOffset: u32, outRow: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


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


var<workgroup> parts: array<vec4f, 8>;
fn combine(value: vec4f, local: u32) -> vec4f {
  parts[local] = value;
  workgroupBarrier();
  var sum = vec4f();
  if (local < 1u) {
    for (var lane = 0u; lane < 8u; lane++) { sum += parts[lane * 1u + local]; }
  }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let columns = u.F * u.K4;
  let across = (columns + 0u) / 1u;
  let index = group;
  let slice = index / across;
  if (slice >= u.S) { return; }
  let q = (index - slice * across) * 1u + lane % 1u;
  let column = min(q, columns - 1u);
  let f = column / u.K4;
  let at = u.yOffset + f * u.yFeature + column - f * u.K4;
  let frequency = frequencies[u.frequencyOffset + column];
  let length = (u.R + u.S - 1u) / u.S;
  let end = min(u.R, (slice + 1u) * length);
  var sum = vec4f();
  for (var r = slice * length + lane / 1u; r < end; r += 8u) {
    let value = x[u.xOffset + r * u.xRow + f];
    let turns = sineCosine(value * frequency);
    let along = dy[at + r * u.yRow] * turns.cosine - dy[at + r * u.yRow + u.K4] * turns.sine;
    sum += select(value * along, vec4f(), isMissing(value));
  }
  let total = combine(sum, lane);
  if (lane < 1u && q < columns) { out[u.outOffset + slice * u.outRow + q] = 6.283185307179586 * total; }
}