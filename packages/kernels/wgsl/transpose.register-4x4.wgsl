@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
struct Uniforms { M: u32, N: u32, inOffset: u32, inRow: u32, outOffset: u32, outRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

fn rowOf(m: u32, n4: u32) -> vec4f {
  return select(vec4f(), input[u.inOffset + min(m, u.M - 1u) * u.inRow + min(n4, (u.N - 1u) / 4u)], m < u.M);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let across = (u.N + 31u) / 32u;
  let index = group;
  let n = index % across * 32u + lane % 8u * 4u;
  let m = index / across * 32u + lane / 8u * 4u;
  if (n >= u.N || m >= u.M) { return; }
  let r0 = rowOf(m + 0u, n / 4u); let r1 = rowOf(m + 1u, n / 4u); let r2 = rowOf(m + 2u, n / 4u); let r3 = rowOf(m + 3u, n / 4u);
  let to = u.outOffset + n * u.outRow + m / 4u;
  output[to] = vec4f(r0.x, r1.x, r2.x, r3.x);
  if (n + 1u < u.N) { output[to + u.outRow] = vec4f(r0.y, r1.y, r2.y, r3.y); }
  if (n + 2u < u.N) { output[to + 2u * u.outRow] = vec4f(r0.z, r1.z, r2.z, r3.z); }
  if (n + 3u < u.N) { output[to + 3u * u.outRow] = vec4f(r0.w, r1.w, r2.w, r3.w); }
}