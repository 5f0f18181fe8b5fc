@group(0) @binding(0) var<storage, read> rates: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> values: array<vec4f>;
struct Uniforms { count4: u32, decayed4: u32 }
@group(0) @binding(5) var<uniform> u: Uniforms;


@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let tileFirst = group * 64u;
  let tileEnd = min(tileFirst + 64u, u.count4);
  
  if (bitcast<u32>(rates[6]) != 0u) { return; }
  let rate = rates[0];
  let stepRate = rate * rates[2];
  let correction = rates[3];
  let kept = 1.0 - rate * rates[4];
  let scale = rates[5];
  for (var i = tileFirst + lane; i < tileEnd; i += 64u) { 
    let g = scale * gradient[i];
    let m = 0.9 * first[i] + 0.09999999999999998 * g;
    let v = 0.999 * second[i] + 0.0010000000000000009 * g * g;
    first[i] = m;
    second[i] = v;
    values[i] = values[i] * select(1.0, kept, i < u.decayed4) - stepRate * m / (sqrt(v * correction) + 1e-8);
   }
}