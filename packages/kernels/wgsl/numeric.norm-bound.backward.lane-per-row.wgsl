@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
struct Uniforms { R: u32, D4: u32, bound: f32, xColumn: u32, xRow: u32, yColumn: u32, yRow: u32 }
@group(0) @binding(3) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let r = group * 64u + lane;
  if (r >= u.R) { return; }
  let xAt = r * u.xRow + u.xColumn;
  let yAt = r * u.yRow + u.yColumn;
  var squares = vec4f();
  var products = vec4f();
  for (var c = 0u; c < u.D4; c++) { let v = x[xAt + c]; squares += v * v; products += v * dy[yAt + c]; }
  let square = squares.x + squares.y + squares.z + squares.w;
  let norm = sqrt(square);
  let isBounded = norm > u.bound;
  let scale = u.bound / norm;
  let radial = (products.x + products.y + products.z + products.w) / square;
  for (var c = 0u; c < u.D4; c++) {
    let g = dy[yAt + c];
    dx[xAt + c] = select(g, scale * (g - radial * x[xAt + c]), isBounded);
  }
}