/**
 * Layer norm without gain and shift over V vectors of D4 vec4: y = (x − mean) / √(var + ε), in two passes.
 * Vector v lies in row ⌊v / K⌋ at place v mod K, so that K embeddings a row can be normalized inside a wider tensor.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'

export type LayerNormShape = {
  V: number
  K: number
  D4: number
  xRow: number
  yOffset: number
  yRow: number
}

const epsilon = 1e-5

const uniforms = { V: 'u32', K: 'u32', D4: 'u32', xRow: 'u32', yOffset: 'u32', yRow: 'u32' } as const

const cases: readonly LayerNormShape[] = [
  { V: 1, K: 1, D4: 1, xRow: 1, yOffset: 0, yRow: 1 },
  { V: 66, K: 2, D4: 24, xRow: 48, yOffset: 0, yRow: 48 },
  { V: 34, K: 2, D4: 5, xRow: 10, yOffset: 3, yRow: 17 },
]

const inverseDeviation = (x: ArrayLike<number>, start: number, D: number) => {
  let mean = 0
  for (let d = 0; d < D; d++) mean += x[start + d]! / D
  let variance = 0
  for (let d = 0; d < D; d++) variance += (x[start + d]! - mean) ** 2 / D
  return { mean, rstd: 1 / Math.sqrt(variance + epsilon) }
}

export const layerNormForward: Kernel<LayerNormShape, 'x' | 'y' | 'rstd', Tuning> = {
  name: 'layer-norm.forward',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    y: { type: 'vec4f', access: 'read_write' },
    rstd: { type: 'f32', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-vector' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let v = id.x;
  if (v >= u.V) { return; }
  let start = (v / u.K) * u.xRow + (v % u.K) * u.D4;
  let to = u.yOffset + (v / u.K) * u.yRow + (v % u.K) * u.D4;
  let count = f32(u.D4 * 4u);
  var sum = vec4f();
  for (var i = 0u; i < u.D4; i++) { sum += x[start + i]; }
  let mean = dot(sum, vec4f(1.0)) / count;
  var squares = vec4f();
  for (var i = 0u; i < u.D4; i++) { let e = x[start + i] - mean; squares += e * e; }
  let scale = inverseSqrt(dot(squares, vec4f(1.0)) / count + ${epsilon});
  for (var i = 0u; i < u.D4; i++) { y[to + i] = (x[start + i] - mean) * scale; }
  rstd[v] = scale;
}`,
  workgroups: ({ V }) => [Math.ceil(V / 8), 1, 1],
  reference: (s, { x, y, rstd }) => {
    for (let v = 0; v < s.V; v++) {
      const place = (v % s.K) * s.D4 * 4
      const from = Math.floor(v / s.K) * s.xRow * 4 + place
      const to = (s.yOffset + Math.floor(v / s.K) * s.yRow) * 4 + place
      const moments = inverseDeviation(x, from, s.D4 * 4)
      for (let d = 0; d < s.D4 * 4; d++) y[to + d] = (x[from + d]! - moments.mean) * moments.rstd
      rstd[v] = moments.rstd
    }
  },
  cost: ({ V, D4 }) => ({ flops: V * D4 * 4 * 7, bytes: V * D4 * 32 }),
  tolerance: () => ({ absolute: 2e-5, relative: 2e-5 }),
  cases,
  example: (s, random) => ({
    x: uniform(Math.ceil(s.V / s.K) * s.xRow * 4, random, 3),
    y: uniform((s.yOffset + Math.ceil(s.V / s.K) * s.yRow) * 4, random),
    rstd: new Float32Array(s.V),
  }),
}

/** dx = rstd · (dy − mean(dy) − y · mean(dy · y)); y and dy share offset and stride. */
export const layerNormBackward: Kernel<LayerNormShape, 'y' | 'rstd' | 'dy' | 'dx', Tuning> = {
  name: 'layer-norm.backward',
  bindings: {
    y: { type: 'vec4f', access: 'read' },
    rstd: { type: 'f32', access: 'read' },
    dy: { type: 'vec4f', access: 'read' },
    dx: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-vector' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let v = id.x;
  if (v >= u.V) { return; }
  let to = (v / u.K) * u.xRow + (v % u.K) * u.D4;
  let start = u.yOffset + (v / u.K) * u.yRow + (v % u.K) * u.D4;
  let count = f32(u.D4 * 4u);
  var sum = vec4f();
  var along = vec4f();
  for (var i = 0u; i < u.D4; i++) { let g = dy[start + i]; sum += g; along += g * y[start + i]; }
  let mean = dot(sum, vec4f(1.0)) / count;
  let slope = dot(along, vec4f(1.0)) / count;
  for (var i = 0u; i < u.D4; i++) { dx[to + i] = rstd[v] * (dy[start + i] - mean - y[start + i] * slope); }
}`,
  workgroups: ({ V }) => [Math.ceil(V / 8), 1, 1],
  reference: (s, { y, rstd, dy, dx }) => {
    const D = s.D4 * 4
    for (let v = 0; v < s.V; v++) {
      const to = Math.floor(v / s.K) * s.xRow * 4 + (v % s.K) * D
      const from = (s.yOffset + Math.floor(v / s.K) * s.yRow) * 4 + (v % s.K) * D
      // the full Jacobian ∂y_j/∂x_i = rstd (δ_ij − 1/D − y_i y_j / D), row by row
      for (let i = 0; i < D; i++) {
        let sum = 0
        for (let j = 0; j < D; j++)
          sum += dy[from + j]! * ((i === j ? 1 : 0) - 1 / D - (y[from + i]! * y[from + j]!) / D)
        dx[to + i] = rstd[v]! * sum
      }
    }
  },
  cost: ({ V, D4 }) => ({ flops: V * D4 * 4 * 8, bytes: V * D4 * 48 }),
  tolerance: () => ({ absolute: 2e-5, relative: 2e-5 }),
  cases,
  example: (s, random) => {
    const size = (s.yOffset + Math.ceil(s.V / s.K) * s.yRow) * 4
    return {
      y: uniform(size, random, 2),
      rstd: uniform(s.V, random).map(Math.abs),
      dy: uniform(size, random),
      dx: uniform(Math.ceil(s.V / s.K) * s.xRow * 4, random),
    }
  },
}
