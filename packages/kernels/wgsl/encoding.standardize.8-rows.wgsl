@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> statistics: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, F4: u32, xOffset: u32, xRow: u32, statisticsOffset: u32, yOffset: u32, yRow: u32, flagColumn: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

fn isMissing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn areMissing(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let columns = u.F4;
  let index = group * 64u + lane;
  let block = index / columns;
  let q = index - block * columns;
  let begin = block * 8u;
  let end = min(u.R, begin + 8u);
  if (begin >= u.R) { return; }
  let mean = statistics[u.statisticsOffset + q];
  let scale = statistics[u.statisticsOffset + u.F4 + q];
  for (var r = begin; r < end; r++) {
    let value = x[u.xOffset + r * u.xRow + q];
    let missing = areMissing(value);
    let to = u.yOffset + r * u.yRow + q;
    y[to] = select((value - mean) * scale, vec4f(), missing);
    y[to + u.flagColumn] = select(vec4f(), vec4f(1.0), missing);
  }
}