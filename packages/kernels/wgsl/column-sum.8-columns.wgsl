@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
struct Uniforms { B: u32, R: u32, N4: u32, inOffset: u32, inBatch: u32, inRow: u32, outOffset: u32, outBatch: u32, accumulate: u32, scale: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

fn combine(value: vec4f, local: u32) -> vec4f { return value; }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let across = (u.N4 + 7u) / 8u;
  let index = group;
  let b = index / across;
  if (b >= u.B) { return; }
  let n = (index - b * across) * 8u + lane % 8u;
  let at = u.inOffset + b * u.inBatch + min(n, u.N4 - 1u);
  var sums = array<vec4f, 4>();
  var r = lane / 8u;
  for (; r + 3u < u.R; r += 4u) {
    sums[0] += input[at + (r + 0u) * u.inRow];
    sums[1] += input[at + (r + 1u) * u.inRow];
    sums[2] += input[at + (r + 2u) * u.inRow];
    sums[3] += input[at + (r + 3u) * u.inRow];
  }
  for (; r < u.R; r += 1u) { sums[0] += input[at + r * u.inRow]; }
  let sum = u.scale * combine((sums[0] + sums[1]) + (sums[2] + sums[3]), lane);
  if (lane < 8u && n < u.N4) {
    let to = u.outOffset + b * u.outBatch + n;
    if (u.accumulate == 1u) { output[to] += sum; } else { output[to] = sum; }
  }
}