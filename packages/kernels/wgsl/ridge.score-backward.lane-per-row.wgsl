@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dm: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dq: array<vec4f>;
struct Uniforms { R: u32, H: u32, D4: u32, mOffset: u32, mRow: u32, qOffset: u32, qRow: u32, dqOffset: u32, dqRow: u32, accumulate: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = group * 64u + lane;
  if (row >= u.R) { return; }
  let along = dy[row * 2u];
  let intercepts = dy[row * 2u + 1u];
  for (var k = 0u; k < u.D4; k++) {
    let x = q[u.qOffset + row * u.qRow + k];
    var sum = select(vec4f(), dq[u.dqOffset + row * u.dqRow + k], u.accumulate == 1u);
    for (var h = 0u; h < u.H; h++) {
      let place = u.mOffset + row * u.mRow + h * (u.D4 + 1u) + k;
      sum += along[h] * m[place];
      dm[place] += along[h] * x;
    }
    dq[u.dqOffset + row * u.dqRow + k] = sum;
  }
  for (var h = 0u; h < u.H; h++) {
    dm[u.mOffset + row * u.mRow + h * (u.D4 + 1u) + u.D4].x += intercepts[h];
  }
}