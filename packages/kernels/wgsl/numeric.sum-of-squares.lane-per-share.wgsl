@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
struct Uniforms { count: u32, xOffset: u32, partialOffset: u32 }
@group(0) @binding(2) var<uniform> u: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let count4 = (u.count + 3u) / 4u;
  let share = max(16u, (count4 + 16383u) / 16384u);
  let first = id.x / 8u * 8u * share;
  if (first >= count4) { return; }
  let end = min(first + share * 8u, count4);
  var sum = vec4f();
  for (var i = first + id.x % 8u; i < end; i += 8u) {
    var v = x[u.xOffset + i];
    if (i * 4u + 4u > u.count) { v = select(v, vec4f(), vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u) >= vec4u(u.count)); }
    sum += v * v;
  }
  partials[u.partialOffset + id.x] = (sum.x + sum.y) + (sum.z + sum.w);
}