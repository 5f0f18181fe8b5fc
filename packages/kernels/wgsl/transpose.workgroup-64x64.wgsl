@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
struct Uniforms { M: u32, N: u32, inOffset: u32, inRow: u32, outOffset: u32, outRow: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;



fn linearGroup(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }

/** First row and column of the workgroup's square of `in`. */
fn squareOf(group: vec3u, groups: vec3u) -> vec2u {
  let across = (u.N + 63u) / 64u;
  let index = linearGroup(group, groups);
  return vec2u(index / across, index % across) * 64u;
}
fn rowOf(m: u32, n4: u32) -> vec4f {
  return select(vec4f(), input[u.inOffset + min(m, u.M - 1u) * u.inRow + min(n4, (u.N - 1u) / 4u)], m < u.M);
}

var<workgroup> tile: array<f32, 4096>;
@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let square = squareOf(group, groups);
  for (var i = local; i < 1024u; i += 256u) {
    let m = i / 16u;
    let x = rowOf(square.x + m, square.y / 4u + i % 16u);
    // Columns are shifted by the row, so that a column lies in all banks.
    tile[m * 64u + (i % 16u * 4u + 0u + m) % 64u] = x[0]; tile[m * 64u + (i % 16u * 4u + 1u + m) % 64u] = x[1]; tile[m * 64u + (i % 16u * 4u + 2u + m) % 64u] = x[2]; tile[m * 64u + (i % 16u * 4u + 3u + m) % 64u] = x[3];
  }
  workgroupBarrier();
  for (var i = local; i < 1024u; i += 256u) {
    let n = i / 16u;
    let m = i % 16u * 4u;
    if (square.y + n < u.N && square.x + m < u.M) {
      output[u.outOffset + (square.y + n) * u.outRow + square.x / 4u + i % 16u] = vec4f(tile[(m + 0u) * 64u + (n + m + 0u) % 64u], tile[(m + 1u) * 64u + (n + m + 1u) % 64u], tile[(m + 2u) * 64u + (n + m + 2u) % 64u], tile[(m + 3u) * 64u + (n + m + 3u) % 64u]);
    }
  }
}