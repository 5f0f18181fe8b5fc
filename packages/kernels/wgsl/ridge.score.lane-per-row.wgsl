@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, H: u32, D4: u32, mOffset: u32, mRow: u32, qOffset: u32, qRow: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


fn ofHead(h: u32, x: f32) -> vec4f { return select(vec4f(), vec4f(x), vec4u(0u, 1u, 2u, 3u) == vec4u(h)); }


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = group * 64u + lane;
  if (row >= u.R) { return; }
  var along = vec4f();
  var intercepts = vec4f();
  for (var h = 0u; h < u.H; h++) {
    let begin = u.mOffset + row * u.mRow + h * (u.D4 + 1u);
    var sum = 0.0;
    for (var k = 0u; k < u.D4; k++) { sum += dot(m[begin + k], q[u.qOffset + row * u.qRow + k]); }
    along += ofHead(h, sum);
    intercepts += ofHead(h, m[begin + u.D4].x);
  }
  y[row * 2u] = along;
  y[row * 2u + 1u] = intercepts;
}