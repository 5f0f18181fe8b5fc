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

var<workgroup> kept: array<vec4f, 384>;


@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let j = group * 8u + lane / 1u;
  let firstColumn = 0u;
  var entry = vec4u();
  if (j < u.J && bitcast<u32>(rates[6]) == 0u) { entry = groups[u.groupOffset + j]; }
  let live = entry.y > 0u && entry.x >= u.firstRow && entry.x - u.firstRow < u.partRows;
  if (!live) { return; }
  let base = (entry.x - u.firstRow) * u.D4;
  let penalty = u.l2 * f32(entry.y);
  let steps = select(0u, (u.D4 + 3u) / 4u, live);
  var energy = 0.0;
  var square = 0.0;
  var rate = 0.0;
  for (var round = 0u; round < 2u; round++) {
    for (var step = 0u; step < steps; step++) {
      let column = step * 4u + firstColumn;
      var sum0 = vec4f();
      var sum1 = vec4f();
      var sum2 = vec4f();
      var sum3 = vec4f();
      if (round == 1u && step < 12u) {
        sum0 = kept[(step * 4u + 0u) * 8u + lane];
      sum1 = kept[(step * 4u + 1u) * 8u + lane];
      sum2 = kept[(step * 4u + 2u) * 8u + lane];
      sum3 = kept[(step * 4u + 3u) * 8u + lane];
      } else {
        if (entry.y > u.longest) {
          for (var i = entry.z; i < entry.w; i++) {
            let origin = i * u.D4 + column;
            if (column + 0u < u.D4) { sum0 += partials[origin + 0u]; }
      if (column + 1u < u.D4) { sum1 += partials[origin + 1u]; }
      if (column + 2u < u.D4) { sum2 += partials[origin + 2u]; }
      if (column + 3u < u.D4) { sum3 += partials[origin + 3u]; }
          }
        } else {
          for (var i = entry.z; i < entry.w; i++) {
            let weight = weights[i];
            let origin = sources[i] * u.gRow + u.gColumn + column;
            if (column + 0u < u.D4) { sum0 += weight * gradient[origin + 0u]; }
      if (column + 1u < u.D4) { sum1 += weight * gradient[origin + 1u]; }
      if (column + 2u < u.D4) { sum2 += weight * gradient[origin + 2u]; }
      if (column + 3u < u.D4) { sum3 += weight * gradient[origin + 3u]; }
          }
        }
        sum0 *= rates[5];
      sum1 *= rates[5];
      sum2 *= rates[5];
      sum3 *= rates[5];
        if (u.l2 != 0.0) {
          if (column + 0u < u.D4) { sum0 += penalty * table[base + column + 0u]; }
      if (column + 1u < u.D4) { sum1 += penalty * table[base + column + 1u]; }
      if (column + 2u < u.D4) { sum2 += penalty * table[base + column + 2u]; }
      if (column + 3u < u.D4) { sum3 += penalty * table[base + column + 3u]; }
        }
      }
      if (round == 0u) {
        if (column + 0u < u.D4) { energy += dot(sum0, sum0); }
      if (column + 1u < u.D4) { energy += dot(sum1, sum1); }
      if (column + 2u < u.D4) { energy += dot(sum2, sum2); }
      if (column + 3u < u.D4) { energy += dot(sum3, sum3); }
        if (step < 12u) { kept[(step * 4u + 0u) * 8u + lane] = sum0; kept[(step * 4u + 1u) * 8u + lane] = sum1; kept[(step * 4u + 2u) * 8u + lane] = sum2; kept[(step * 4u + 3u) * 8u + lane] = sum3; }
      } else {
        if (column + 0u < u.D4) { table[base + column + 0u] -= rate * sum0; }
      if (column + 1u < u.D4) { table[base + column + 1u] -= rate * sum1; }
      if (column + 2u < u.D4) { table[base + column + 2u] -= rate * sum2; }
      if (column + 3u < u.D4) { table[base + column + 3u] -= rate * sum3; }
      }
    }
    if (round == 0u) {
      if (live) { square = squares[entry.x] + energy / f32(u.D4 * 4u); }
      rate = rates[1] / (sqrt(square) + 1e-8);
    }
  }
  squares[entry.x] = square;
}