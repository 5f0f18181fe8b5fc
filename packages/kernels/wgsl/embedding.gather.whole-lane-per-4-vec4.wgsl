@group(0) @binding(0) var<storage, read> table0: array<vec4f>;
@group(0) @binding(1) var<storage, read> table1: array<vec4f>;
@group(0) @binding(2) var<storage, read> table2: array<vec4f>;
@group(0) @binding(3) var<storage, read> table3: array<vec4f>;
@group(0) @binding(4) var<storage, read> ids: array<u32>;
@group(0) @binding(5) var<storage, read> lengths: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
struct Uniforms { R: u32, M: u32, D4: u32, V: u32, partRows: u32, mode: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(7) var<uniform> u: Uniforms;


fn tableAt(row: u32, column: u32) -> vec4f { return table0[row * u.D4 + column]; }


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let blocks = (u.D4 + 3u) / 4u;
  let task = group * 8u + lane;
  let r = task / blocks;
  if (r >= u.R) { return; }
  let column = task % blocks * 4u;
  let length = min(lengths[r], u.M);
  var sum0 = vec4f(); var sum1 = vec4f(); var sum2 = vec4f(); var sum3 = vec4f();
  for (var m = 0u; m < length; m++) {
    let row = ids[r * u.M + m];
    if (row >= u.V) { continue; }
    sum0 += tableAt(row, column + 0u);
    if (column + 1u < u.D4) { sum1 += tableAt(row, column + 1u); }
    if (column + 2u < u.D4) { sum2 += tableAt(row, column + 2u); }
    if (column + 3u < u.D4) { sum3 += tableAt(row, column + 3u); }
  }
  let divisor = select(1.0, f32(max(length, 1u)), u.mode == 1u);
  let at = r * u.yRow + u.yColumn + column;
  y[at + 0u] = sum0 / divisor;
  if (column + 1u < u.D4) { y[at + 1u] = sum1 / divisor; }
  if (column + 2u < u.D4) { y[at + 2u] = sum2 / divisor; }
  if (column + 3u < u.D4) { y[at + 3u] = sum3 / divisor; }
}