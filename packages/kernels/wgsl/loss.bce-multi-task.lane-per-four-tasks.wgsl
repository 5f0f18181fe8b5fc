@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> labels: array<vec4f>;
@group(0) @binding(2) var<storage, read> labelWeights: array<vec4f>;
@group(0) @binding(3) var<storage, read> taskWeights: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> loss: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<vec4f>;
struct Uniforms { R: u32, T: u32, scale: f32 }
@group(0) @binding(6) var<uniform> u: Uniforms;


struct Logistic { sigmoid: vec4f, ofPlus: vec4f, ofMinus: vec4f }
fn logistic(z: vec4f) -> Logistic {
  let e = exp(-abs(z));
  let tail = select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - e * 0.25))), e < vec4f(0.03));
  let isPlus = z > vec4f();
  return Logistic(
    select(e, vec4f(1.0), isPlus) / (1.0 + e),
    select(vec4f(), z, isPlus) + tail,
    select(-z, vec4f(), isPlus) + tail,
  );
}


@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let n = group * 32u + lane;
  let width = (u.T + 3u) / 4u;
  let r = n / width;
  if (r >= u.R) { return; }
  let t = n % width;
  let isTask = vec4u(t * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.T);
  let y = labels[n];
  let z = logistic(logits[n]);
  loss[n] = select(vec4f(), y * z.ofMinus + (1.0 - y) * z.ofPlus, isTask);
  dlogits[n] = select(vec4f(), labelWeights[n] * taskWeights[t] * (z.sigmoid - y) * u.scale, isTask);
}