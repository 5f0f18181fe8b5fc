@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
struct Uniforms { V: u32, K: u32, D4: u32, xOffset: u32, xRow: u32, yOffset: u32, yRow: u32, S: u32, outOffset: u32, outRow: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


var<workgroup> parts: array<vec4f, 256>;
fn combine(value: vec4f, local: u32) -> vec4f {
  parts[local] = value;
  workgroupBarrier();
  var sum = vec4f();
  if (local < 16u) {
    for (var lane = 0u; lane < 16u; lane++) { sum += parts[lane * 16u + local]; }
  }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let across = (u.D4 + 15u) / 16u;
  let index = group;
  let slice = index / across;
  if (slice >= u.S) { return; }
  let i = (index - slice * across) * 16u + lane % 16u;
  let column = min(i, u.D4 - 1u);
  let length = (u.V + u.S - 1u) / u.S;
  let end = min(u.V, (slice + 1u) * length);
  var v = slice * length + lane / 16u;
  var row = v / u.K;
  var place = v - row * u.K;
  var gain = vec4f();
  var shift = vec4f();
  for (; v < end; v += 16u) {
    let at = place * u.D4 + column;
    let d = dy[u.yOffset + row * u.yRow + at];
    gain += d * ((x[u.xOffset + row * u.xRow + at] - moments[v * 2u]) * moments[v * 2u + 1u]);
    shift += d;
    place += 16u;
    while (place >= u.K) { place -= u.K; row++; }
  }
  let dgain = combine(gain, lane);
  let dshift = combine(shift, lane);
  if (lane < 16u && i < u.D4) {
    let to = u.outOffset + slice * u.outRow + i;
    out[to] = dgain;
    out[to + u.D4] = dshift;
  }
}