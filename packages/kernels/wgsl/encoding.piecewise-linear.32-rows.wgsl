@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> edges: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, F: u32, T: u32, xOffset: u32, xRow: u32, edgeOffset: u32, edgeRow: u32, yOffset: u32, yRow: u32, yFeature: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;

fn isMissing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn areMissing(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let columns = u.F * ((u.T + 3u) / 4u);
  let index = group * 64u + lane;
  let block = index / columns;
  let q = index - block * columns;
  let begin = block * 32u;
  let end = min(u.R, begin + 32u);
  if (begin >= u.R) { return; }
  let width = (u.T + 3u) / 4u;
  let f = q / width;
  let k = q - f * width;
  let first = u.edgeOffset + f * u.edgeRow;
  let bins = vec4u(0u, 1u, 2u, 3u) + k * 4u;
  let next = edges[first + min(k * 4u + 4u, u.T)];
  let low = vec4f(edges[first + min(bins[0], u.T)], edges[first + min(bins[1], u.T)], edges[first + min(bins[2], u.T)], edges[first + min(bins[3], u.T)]);
  let high = vec4f(low.yzw, next);
  let isBin = bins < vec4u(u.T);
  let isWide = high > low;
  let isFirst = bins == vec4u(0u);
  let isLast = bins == vec4u(u.T - 1u);
  for (var r = begin; r < end; r++) {
    let value = x[u.xOffset + r * u.xRow + f];
    let missing = isMissing(value);
    let linear = (vec4f(value) - low) / (high - low);
    let isOver = (vec4f(value) >= high) & !(isLast & isWide);
    let isUnder = (vec4f(value) < low) & !(isFirst & isWide);
    let component = select(select(linear, vec4f(1.0), isOver), vec4f(), isUnder | !isBin);
    let to = u.yOffset + r * u.yRow + f * u.yFeature;
    y[to + k] = select(component, vec4f(), missing);
    if (k == 0u) { y[to + width] = vec4f(select(0.0, 1.0, missing), 0.0, 0.0, 0.0); }
  }
}