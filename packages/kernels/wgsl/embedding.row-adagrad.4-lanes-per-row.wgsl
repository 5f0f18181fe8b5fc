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

var<workgroup> kept: array<vec4f, 768>;
var<workgroup> energies: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let j = group * 16u + lane / 4u;
  let firstColumn = lane % 4u;
  var entry = vec4u();
  if (j < u.J && bitcast<u32>(rates[6]) == 0u) { entry = groups[u.groupOffset + j]; }
  let live = entry.y > 0u && entry.x >= u.firstRow && entry.x - u.firstRow < u.partRows;
  
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
      if (round == 1u && step < 12u) {
        sum0 = kept[(step * 1u + 0u) * 64u + lane];
      } else {
        if (entry.y > u.longest) {
          for (var i = entry.z; i < entry.w; i++) {
            let origin = i * u.D4 + column;
            if (column + 0u < u.D4) { sum0 += partials[origin + 0u]; }
          }
        } else {
          for (var i = entry.z; i < entry.w; i++) {
            let weight = weights[i];
            let origin = sources[i] * u.gRow + u.gColumn + column;
            if (column + 0u < u.D4) { sum0 += weight * gradient[origin + 0u]; }
          }
        }
        sum0 *= rates[5];
        if (u.l2 != 0.0) {
          if (column + 0u < u.D4) { sum0 += penalty * table[base + column + 0u]; }
        }
      }
      if (round == 0u) {
        if (column + 0u < u.D4) { energy += dot(sum0, sum0); }
        if (step < 12u) { kept[(step * 1u + 0u) * 64u + lane] = sum0; }
      } else {
        if (column + 0u < u.D4) { table[base + column + 0u] -= rate * sum0; }
      }
    }
    if (round == 0u) {
      energies[lane] = energy;
      workgroupBarrier();
      let quad = lane / 4u * 4u;
      energy = energies[quad] + energies[quad + 1u] + energies[quad + 2u] + energies[quad + 3u];
      if (live) { square = squares[entry.x] + energy / f32(u.D4 * 4u); }
      rate = rates[1] / (sqrt(square) + 1e-8);
    }
  }
  if (live && firstColumn == 0u) { squares[entry.x] = square; }
}