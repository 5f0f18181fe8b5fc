@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> rowWeights: array<f32>;
@group(0) @binding(2) var<storage, read_write> centered: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> count: array<f32>;
struct Uniforms { R: u32, D4: u32, xOffset: u32, xRow: u32 }
@group(0) @binding(4) var<uniform> u: Uniforms;

var<workgroup> sums: array<vec4f, 256>;
var<workgroup> counts: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let R = u.R;
  let D4 = u.D4;
  let column = group * 8u + lane % 8u;
  let isColumn = column < D4;
  let slot = lane / 8u;
  let start = u.xOffset + min(column, D4 - 1u);
  let xRow = u.xRow;
  var sum = vec4f();
  var n = 0.0;
  for (var r = slot; r < R; r += 32u) {
    let isLeftOut = rowWeights[r] == 0.0;
    sum += select(x[start + r * xRow], vec4f(), isLeftOut);
    n += select(1.0, 0.0, isLeftOut);
  }
  sums[lane] = sum;
  counts[lane] = n;
  workgroupBarrier();
  sum = vec4f();
  n = 0.0;
  for (var s = lane % 8u; s < 256u; s += 8u) {
    sum += sums[s];
    n += counts[s];
  }
  let mean = sum / n;
  if (column == 0u && slot == 0u) { count[0] = n; }
  if (!isColumn) { return; }
  for (var r = slot; r < R; r += 32u) {
    centered[r * D4 + column] = select(x[start + r * xRow] - mean, vec4f(), rowWeights[r] == 0.0);
  }
}