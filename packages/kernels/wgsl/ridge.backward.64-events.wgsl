@group(0) @binding(0) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(1) var<storage, read> signals: array<vec4f>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> ridge: array<vec4f>;
@group(0) @binding(4) var<storage, read> solutions: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dsignals: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dridge: array<vec4f>;
struct Uniforms { R: u32, L: u32, H: u32, D4: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


fn handOn(x: f32, value: f32) -> f32 { return select(value, x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
fn exponential(x: f32) -> f32 { return handOn(x, exp(x)); }
fn logarithm(x: f32) -> f32 { return handOn(x, log(x)); }

// m of each head, and then u of each.
var<workgroup> known: array<vec4f, 136>;
// x in the place of head h, zeros in the others.
fn ofHead(h: u32, x: f32) -> vec4f { return select(vec4f(), vec4f(x), vec4u(0u, 1u, 2u, 3u) == vec4u(h)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  if (group >= u.R) { return; }
  let length = min(lengths[group], u.L);
  let P4 = u.D4 + 1u;
  let all = u.H * P4;
  for (var i = lane; i < all; i += 64u) {
    let m = solutions[group * all + i];
    let v = solutions[(u.R + group) * all + i];
    let e = ridge[i];
    known[i] = m;
    known[all + i] = v;
    dridge[group * all + i] = -vec4f(exponential(e.x), exponential(e.y), exponential(e.z), exponential(e.w)) * m * v;
  }
  workgroupBarrier();
  for (var l = lane; l < length; l += 64u) {
    let event = group * u.L + l;
    var along = vec4f();
    var found = vec4f();
    for (var h = 0u; h < u.H; h++) {
      along += ofHead(h, known[all + h * P4 + u.D4].x);
      found += ofHead(h, known[h * P4 + u.D4].x);
    }
    for (var q = 0u; q < u.D4; q++) {
      let x = vectors[event * u.D4 + q];
      for (var h = 0u; h < u.H; h++) {
        along += ofHead(h, dot(known[all + h * P4 + q], x));
        found += ofHead(h, dot(known[h * P4 + q], x));
      }
    }
    let has = vec4u(0u, 1u, 2u, 3u) < vec4u(u.H);
    let weights = signals[event * 2u];
    let error = select(vec4f(), signals[event * 2u + 1u] - found, has);
    let push = weights * error;
    let pull = select(vec4f(), weights * along, has);
    for (var q = 0u; q < u.D4; q++) {
      var gradient = vec4f();
      for (var h = 0u; h < u.H; h++) {
        gradient += push[h] * known[all + h * P4 + q] - pull[h] * known[h * P4 + q];
      }
      dx[event * u.D4 + q] = gradient;
    }
    dsignals[event * 2u] = along * error;
    dsignals[event * 2u + 1u] = pull;
  }
  for (var l = length + lane; l < u.L; l += 64u) {
    dsignals[(group * u.L + l) * 2u] = vec4f();
    dsignals[(group * u.L + l) * 2u + 1u] = vec4f();
  }
}