@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: array<u32>;
struct Uniforms { Q: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

var<workgroup> nan: atomic<u32>;
var<workgroup> infinite: atomic<u32>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2u();
  for (var q = lane; q < u.Q; q += 256u) { sum += vec2u(counts[q * 2u], counts[q * 2u + 1u]); }
  atomicAdd(&nan, sum.x);
  atomicAdd(&infinite, sum.y);
  workgroupBarrier();
  if (lane == 0u) { total[0] = atomicLoad(&nan); total[1] = atomicLoad(&infinite); }
}