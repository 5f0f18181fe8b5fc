@group(0) @binding(0) var<storage, read> table0: array<vec4f>;
@group(0) @binding(1) var<storage, read> table1: array<vec4f>;
@group(0) @binding(2) var<storage, read> table2: array<vec4f>;
@group(0) @binding(3) var<storage, read> table3: array<vec4f>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read> channels: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, L: u32, C: u32, W: u32, D4: u32, V: u32, partRows: u32, first: u32, yColumn: u32, yRow: u32, accumulate: u32, scale: f32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


fn tableAt(row: u32, column: u32) -> vec4f {
  if (u.partRows >= u.V) { return table0[row * u.D4 + column]; }
  let part = row / u.partRows;
  let at = (row - part * u.partRows) * u.D4 + column;
  switch (part) {
    case 0u: { return table0[at]; }
    case 1u: { return table1[at]; }
    case 2u: { return table2[at]; }
    default: { return table3[at]; }
  }
}


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.D4 + 0u) / 1u;
  let shares = (u.W + 3u) / 4u;
  let task = group * 64u + lane;
  let r = task / blocks / shares;
  if (r >= u.R) { return; }
  let column = task % blocks * 1u;
  let w = task / blocks % shares * 4u;
  let column0 = min(column + 0u, u.D4 - 1u);
  let weight0 = u.first + min(w + 0u, u.W - 1u); let weight1 = u.first + min(w + 1u, u.W - 1u); let weight2 = u.first + min(w + 2u, u.W - 1u); let weight3 = u.first + min(w + 3u, u.W - 1u);
  var sum0_0 = vec4f(); var sum1_0 = vec4f(); var sum2_0 = vec4f(); var sum3_0 = vec4f();
  let end = r * u.L + min(lengths[r], u.L);
  for (var event = r * u.L; event < end; event++) {
    let row = ids[event];
    if (row >= u.V) { continue; }
    let at = event * u.C;
    let v0 = tableAt(row, column0);
    { let weight = channels[at + weight0]; sum0_0 += weight * v0; }
    { let weight = channels[at + weight1]; sum1_0 += weight * v0; }
    { let weight = channels[at + weight2]; sum2_0 += weight * v0; }
    { let weight = channels[at + weight3]; sum3_0 += weight * v0; }
  }
  let at = r * u.yRow + u.yColumn + w * u.D4 + column;
  if (w + 0u < u.W) {
    if (column + 0u < u.D4) { let i = at + 0u * u.D4 + 0u; y[i] = select(vec4f(), y[i], u.accumulate == 1u) + u.scale * sum0_0; }
  }
  if (w + 1u < u.W) {
    if (column + 0u < u.D4) { let i = at + 1u * u.D4 + 0u; y[i] = select(vec4f(), y[i], u.accumulate == 1u) + u.scale * sum1_0; }
  }
  if (w + 2u < u.W) {
    if (column + 0u < u.D4) { let i = at + 2u * u.D4 + 0u; y[i] = select(vec4f(), y[i], u.accumulate == 1u) + u.scale * sum2_0; }
  }
  if (w + 3u < u.W) {
    if (column + 0u < u.D4) { let i = at + 3u * u.D4 + 0u; y[i] = select(vec4f(), y[i], u.accumulate == 1u) + u.scale * sum3_0; }
  }
}