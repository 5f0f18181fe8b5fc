@group(0) @binding(0) var<storage, read> groups: array<vec4u>;
@group(0) @binding(1) var<storage, read> sources: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read> partials: array<vec4f>;
@group(0) @binding(5) var<storage, read> rates: array<f32>;
@group(0) @binding(6) var<storage, read_write> squares: array<f32>;
@group(0) @binding(7) var<storage, read_write> table: array<vec4f>;
struct Uniforms { J: u32, groupOffset: u32, firstRow: u32, partRows: u32, D4: u32, gColumn: u32, gRow: u32, l2: f32, longest: u32 }
@group(0) @binding(8) var<uniform> u: Uniforms;


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let j = group * 8u + lane;
  if (j >= u.J || bitcast<u32>(rates[6]) != 0u) { return; }
  let entry = groups[u.groupOffset + j];
  if (entry.y == 0u || entry.x < u.firstRow || entry.x - u.firstRow >= u.partRows) { return; }
  let base = (entry.x - u.firstRow) * u.D4;
  var sum0 = vec4f(); var own0 = vec4f(); var sum1 = vec4f(); var own1 = vec4f(); var sum2 = vec4f(); var own2 = vec4f(); var sum3 = vec4f(); var own3 = vec4f();
  if (entry.y > u.longest) {
    for (var column = 0u; column < u.D4; column++) {
      var sum = vec4f();
      for (var i = entry.z; i < entry.w; i++) { sum += partials[i * u.D4 + column]; }
      if (column == 0u) { sum0 = sum; } if (column == 1u) { sum1 = sum; } if (column == 2u) { sum2 = sum; } if (column == 3u) { sum3 = sum; }
    }
  } else {
    for (var i = entry.z; i < entry.w; i++) {
      let weight = weights[i];
      let origin = sources[i] * u.gRow + u.gColumn;
      sum0 += weight * gradient[origin + 0u];
      if (1u < u.D4) { sum1 += weight * gradient[origin + 1u]; }
      if (2u < u.D4) { sum2 += weight * gradient[origin + 2u]; }
      if (3u < u.D4) { sum3 += weight * gradient[origin + 3u]; }
    }
  }
  let penalty = u.l2 * f32(entry.y);
  var energy = 0.0;
      own0 = table[base + 0u]; sum0 *= rates[5]; if (u.l2 != 0.0) { sum0 += penalty * own0; } energy += dot(sum0, sum0);
      if (1u < u.D4) { own1 = table[base + 1u]; sum1 *= rates[5]; if (u.l2 != 0.0) { sum1 += penalty * own1; } energy += dot(sum1, sum1); }
      if (2u < u.D4) { own2 = table[base + 2u]; sum2 *= rates[5]; if (u.l2 != 0.0) { sum2 += penalty * own2; } energy += dot(sum2, sum2); }
      if (3u < u.D4) { own3 = table[base + 3u]; sum3 *= rates[5]; if (u.l2 != 0.0) { sum3 += penalty * own3; } energy += dot(sum3, sum3); }
  let square = squares[entry.x] + energy / f32(u.D4 * 4u);
  let rate = rates[1] / (sqrt(square) + 1e-8);
      table[base + 0u] = own0 - rate * sum0;
      if (1u < u.D4) { table[base + 1u] = own1 - rate * sum1; }
      if (2u < u.D4) { table[base + 2u] = own2 - rate * sum2; }
      if (3u < u.D4) { table[base + 3u] = own3 - rate * sum3; }
  squares[entry.x] = square;
}