@group(0) @binding(0) var<storage, read> table0: array<vec4f>;
@group(0) @binding(1) var<storage, read> table1: array<vec4f>;
@group(0) @binding(2) var<storage, read> table2: array<vec4f>;
@group(0) @binding(3) var<storage, read> table3: array<vec4f>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read> dy: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dweights: array<f32>;
struct Uniforms { R: u32, M: u32, D4: u32, V: u32, partRows: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }


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
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let lookup = linearGroup(group, groups) * 64u + lane;
  let r = lookup / u.M;
  if (r >= u.R) { return; }
  let row = ids[lookup];
  var sum = vec4f();
  if (lookup % u.M < lengths[r] && row < u.V) {
    let at = r * u.yRow + u.yColumn;
    for (var c = 0u; c < u.D4; c++) { sum += dy[at + c] * tableAt(row, c); }
  }
  dweights[lookup] = sum.x + sum.y + sum.z + sum.w;
}