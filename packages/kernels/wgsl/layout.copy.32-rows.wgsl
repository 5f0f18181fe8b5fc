@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
struct Uniforms { B: u32, R: u32, C: u32, inOffset: u32, inBatch: u32, inRow: u32, inColumn: u32, outOffset: u32, outBatch: u32, outRow: u32, outColumn: u32, accumulate: u32, scale: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let index = group * 64u + lane;
  let blocks = (u.R + 31u) / 32u;
  let walk = index / u.C;
  let b = walk / blocks;
  if (b >= u.B) { return; }
  let c = index - walk * u.C;
  let first = (walk - b * blocks) * 32u;
  let end = min(u.R, first + 32u);
  var at = u.inOffset + b * u.inBatch + first * u.inRow + c * u.inColumn;
  var to = u.outOffset + b * u.outBatch + first * u.outRow + c * u.outColumn;
  if (u.accumulate == 1u) {
    for (var r = first; r < end; r++) { output[to] += u.scale * input[at]; at += u.inRow; to += u.outRow; }
  } else {
    for (var r = first; r < end; r++) { output[to] = u.scale * input[at]; at += u.inRow; to += u.outRow; }
  }
}