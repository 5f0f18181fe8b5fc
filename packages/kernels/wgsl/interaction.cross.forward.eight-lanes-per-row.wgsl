@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read> h: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, W4: u32, x0Row: u32, hRow: u32, xRow: u32, yOffset: u32, yRow: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 64u + lane;
  let W4 = u.W4;
  let step = min(8u, (W4 + 7u) / 8u);
  let r = n / step;
  if (r >= u.R) { return; }
  let x0Start = r * u.x0Row;
  let hStart = r * u.hRow;
  let xStart = r * u.xRow;
  let yStart = u.yOffset + r * u.yRow;
  for (var i = n % step; i < W4; i += step) { y[yStart + i] = x0[x0Start + i] * h[hStart + i] + x[xStart + i]; }
}