/**
 * Row-wise Adagrad on the rows of a table that a batch looked up, fused with the grouping of their gradients.
 * Group j gathers the lookups of row `rows[j]`: entries `starts[j] … starts[j+1]` of `sources` and `weights` name rows of
 * the gradient and their factors. WGSL has no float atomics; grouping on the host also makes the sum's order fixed.
 *   g = Σ weight · gradient[source] + l2 · lookups · w,  a += mean(g²),  w −= rate · g / (√a + ε)
 * Groups without entries are skipped, so one grid serves batches of any number of distinct rows.
 * Shape letters: J groups at most, D4 vec4 of width, V table rows, P lookups, R gradient rows.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'

export type RowAdagradShape = {
  J: number
  D4: number
  gColumn: number
  gRow: number
  l2: number
  V: number
  P: number
  R: number
}

export type RowAdagradBinding = 'rows' | 'starts' | 'sources' | 'weights' | 'gradient' | 'rates' | 'squares' | 'table'

const epsilon = 1e-8

export const rowAdagrad: Kernel<RowAdagradShape, RowAdagradBinding, Tuning> = {
  name: 'embedding.row-adagrad',
  bindings: {
    rows: { type: 'u32', access: 'read' },
    starts: { type: 'u32', access: 'read' },
    sources: { type: 'u32', access: 'read' },
    weights: { type: 'f32', access: 'read' },
    gradient: { type: 'vec4f', access: 'read' },
    /** [1]: the learning rate of tables. */
    rates: { type: 'f32', access: 'read' },
    squares: { type: 'f32', access: 'read_write' },
    table: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { J: 'u32', D4: 'u32', gColumn: 'u32', gRow: 'u32', l2: 'f32' },
  tunings: [{ name: 'lane-per-row' }],
  wgsl: () => /* wgsl */ `
fn total(j: u32, column: u32) -> vec4f {
  let end = starts[j + 1u];
  var sum = u.l2 * f32(end - starts[j]) * table[rows[j] * u.D4 + column];
  for (var i = starts[j]; i < end; i++) { sum += weights[i] * gradient[sources[i] * u.gRow + u.gColumn + column]; }
  return sum;
}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let j = id.x;
  if (j >= u.J || starts[j] == starts[j + 1u]) { return; }
  let row = rows[j];
  var energy = vec4f();
  for (var c = 0u; c < u.D4; c++) { let g = total(j, c); energy += g * g; }
  let square = squares[row] + dot(energy, vec4f(1.0)) / f32(u.D4 * 4u);
  squares[row] = square;
  let scale = rates[1] / (sqrt(square) + ${epsilon});
  for (var c = 0u; c < u.D4; c++) { table[row * u.D4 + c] -= scale * total(j, c); }
}`,
  workgroups: ({ J }) => [Math.ceil(J / 8), 1, 1],
  reference: (s, { rows, starts, sources, weights, gradient, rates, squares, table }) => {
    const D = s.D4 * 4
    for (let j = 0; j < s.J; j++) {
      const lookups = starts[j + 1]! - starts[j]!
      if (lookups === 0) continue
      const g = new Float64Array(D)
      for (let d = 0; d < D; d++) {
        g[d] = s.l2 * lookups * table[rows[j]! * D + d]!
        for (let i = starts[j]!; i < starts[j + 1]!; i++)
          g[d] += weights[i]! * gradient[(sources[i]! * s.gRow + s.gColumn) * 4 + d]!
      }
      squares[rows[j]!] = squares[rows[j]!]! + g.reduce((sum, x) => sum + x * x, 0) / D
      for (let d = 0; d < D; d++)
        table[rows[j]! * D + d] =
          table[rows[j]! * D + d]! - (rates[1]! * g[d]!) / (Math.sqrt(squares[rows[j]!]!) + epsilon)
    }
  },
  cost: ({ P, D4 }) => ({ flops: P * D4 * 16, bytes: P * D4 * 48 }),
  tolerance: () => ({ absolute: 5e-6, relative: 2e-5 }),
  cases: [
    { J: 1, D4: 1, gColumn: 0, gRow: 1, l2: 0, V: 1, P: 1, R: 1 },
    { J: 40, D4: 4, gColumn: 3, gRow: 11, l2: 0, V: 64, P: 150, R: 50 },
    { J: 40, D4: 3, gColumn: 0, gRow: 3, l2: 0.1, V: 97, P: 37, R: 20 },
  ],
  example: (s, random) => {
    // distinct rows in a shuffled order, the last groups left empty
    const rows = new Uint32Array(s.J)
    for (let j = 0; j < s.J; j++) rows[j] = (j * 7 + 3) % s.V
    const filled = Math.max(1, Math.floor(s.J * 0.8))
    const starts = new Uint32Array(s.J + 1)
    for (let j = 0; j <= s.J; j++) starts[j] = j >= filled ? s.P : Math.floor((s.P * j) / filled)
    return {
      rows,
      starts,
      sources: Uint32Array.from({ length: s.P }, () => Math.floor(random() * s.R)),
      weights: uniform(s.P, random),
      gradient: uniform(s.R * s.gRow * 4, random),
      rates: Float32Array.of(0, 0.05, 0, 0, 0),
      squares: uniform(s.V, random).map((x) => Math.abs(x) + 0.1),
      table: uniform(s.V * s.D4 * 4, random),
    }
  },
}
