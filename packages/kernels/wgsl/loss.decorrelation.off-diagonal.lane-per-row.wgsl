@group(0) @binding(0) var<storage, read> products: array<vec4f>;
@group(0) @binding(1) var<storage, read> count: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> masked: array<vec4f>;
struct Uniforms { D: u32, pRow: u32, scale: f32 }
@group(0) @binding(4) var<uniform> u: Uniforms;



@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let i = group * 32u + lane;
  let D = u.D;
  if (i >= D) { return; }
  let n = count[0];
  let inverse = 1.0 / select(n - 1.0, 1.0, n < 2.0);
  let slope = 4.0 * u.scale / f32(D) * inverse;
  let start = i * u.pRow;
  var squares = vec4f();
  for (var q = 0u; q * 4u < D; q += 1u) {
    let j = vec4u(q * 4u) + vec4u(0u, 1u, 2u, 3u);
    let c = select(vec4f(), products[start + q] * inverse, (j != vec4u(i)) & (j < vec4u(D)));
    squares += c * c;
    masked[start + q] = slope * c;
  }
  
  loss[i] = dot(squares, vec4f(1.0)) / f32(D);
}