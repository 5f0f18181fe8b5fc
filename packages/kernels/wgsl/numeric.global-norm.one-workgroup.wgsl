@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> rates: array<f32>;
struct Uniforms { P: u32, maxNorm: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

var<workgroup> sums: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var p = lane; p < u.P; p += 256u) { sum += partials[p]; }
  sums[lane] = sum;
  workgroupBarrier();
  // Two steps of 16 rather than a tree of eight barriers.
  if (lane < 16u) { for (var i = lane + 16u; i < 256u; i += 16u) { sum += sums[i]; } }
  workgroupBarrier();
  if (lane < 16u) { sums[lane] = sum; }
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < 16u; i++) { sum += sums[i]; }
  let norm = sqrt(sum);
  let isBad = (bitcast<u32>(sum) & 0x7f800000u) == 0x7f800000u;
  let clipped = u.maxNorm > 0.0 && norm > u.maxNorm;
  rates[7] = norm;
  rates[5] = select(select(1.0, u.maxNorm / norm, clipped), 0.0, isBad);
  rates[6] = select(0.0, 1.0, isBad);
}