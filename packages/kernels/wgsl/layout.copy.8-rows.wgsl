@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
struct Uniforms { B: u32, R: u32, C: u32, inOffset: u32, inBatch: u32, inRow: u32, inColumn: u32, outOffset: u32, outBatch: u32, outRow: u32, outColumn: u32, accumulate: u32, scale: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;


fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = linearGroup(group, groups) * 64u + local;
  let blocks = (u.R + 7u) / 8u;
  let walk = index / u.C;
  let b = walk / blocks;
  if (b >= u.B) { return; }
  let c = index - walk * u.C;
  let first = (walk - b * blocks) * 8u;
  let end = min(u.R, first + 8u);
  var at = u.inOffset + b * u.inBatch + first * u.inRow + c * u.inColumn;
  var to = u.outOffset + b * u.outBatch + first * u.outRow + c * u.outColumn;
  if (u.accumulate == 1u) {
    for (var r = first; r < end; r++) { output[to] += u.scale * input[at]; at += u.inRow; to += u.outRow; }
  } else {
    for (var r = first; r < end; r++) { output[to] = u.scale * input[at]; at += u.inRow; to += u.outRow; }
  }
}