@group(0) @binding(0) var<storage, read> table0: array<vec4f>;
@group(0) @binding(1) var<storage, read> table1: array<vec4f>;
@group(0) @binding(2) var<storage, read> table2: array<vec4f>;
@group(0) @binding(3) var<storage, read> table3: array<vec4f>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, M: u32, D4: u32, V: u32, partRows: u32, mode: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;


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
  let task = group * 64u + lane;
  let r = task / blocks;
  if (r >= u.R) { return; }
  let column = task % blocks * 1u;
  let length = min(lengths[r], u.M);
  var sum0 = vec4f();
  for (var m = 0u; m < length; m++) {
    let row = ids[r * u.M + m];
    if (row >= u.V) { continue; }
    sum0 += tableAt(row, column + 0u);
  }
  let divisor = select(1.0, f32(max(length, 1u)), u.mode == 1u);
  let at = r * u.yRow + u.yColumn + column;
  y[at + 0u] = sum0 / divisor;
}