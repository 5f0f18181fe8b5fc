/**
 * Attention pooling of a user's last events. Event l of row r is the token x_l = table[ids[r, l]] + Σ_c channels[r, l, c] ·
 * mix[c]; its weight is softmax over l < lengths[r] of query · x_l / √D, and y[r] = Σ weight_l · x_l (zero where length is 0).
 * Tokens are rebuilt in the backward pass rather than stored.
 * Shape letters: R rows, L events, C channels, D4 vec4 of width, V table rows. `yColumn` and `yRow` count vec4.
 * `parameters` holds mix [C, D] and then query [D], from `pOffset` (vec4).
 */
import type { Kernel, ReferenceArrays, Tuning } from '@headwater/gpu'
import { integers, uniform } from '../case-arrays.ts'

export type AttentionPoolShape = {
  R: number
  L: number
  C: number
  D4: number
  V: number
  pOffset: number
  yColumn: number
  yRow: number
}

type Inputs = 'table' | 'ids' | 'channels' | 'lengths' | 'parameters'

const cases: readonly AttentionPoolShape[] = [
  { R: 1, L: 1, C: 1, D4: 1, V: 1, pOffset: 0, yColumn: 0, yRow: 1 },
  { R: 19, L: 7, C: 2, D4: 4, V: 23, pOffset: 5, yColumn: 3, yRow: 9 },
  { R: 130, L: 32, C: 3, D4: 4, V: 200, pOffset: 0, yColumn: 0, yRow: 4 },
]

const inputBindings = {
  table: { type: 'vec4f', access: 'read' },
  ids: { type: 'u32', access: 'read' },
  channels: { type: 'f32', access: 'read' },
  lengths: { type: 'u32', access: 'read' },
  parameters: { type: 'vec4f', access: 'read' },
} as const

const uniforms = { R: 'u32', L: 'u32', C: 'u32', D4: 'u32', pOffset: 'u32', yColumn: 'u32', yRow: 'u32' } as const

const tokenWgsl = /* wgsl */ `
fn token(r: u32, l: u32, d: u32) -> vec4f {
  let event = r * u.L + l;
  var x = table[ids[event] * u.D4 + d];
  for (var c = 0u; c < u.C; c++) { x += channels[event * u.C + c] * parameters[u.pOffset + c * u.D4 + d]; }
  return x;
}
fn score(r: u32, l: u32) -> f32 {
  var sum = vec4f();
  for (var d = 0u; d < u.D4; d++) { sum += parameters[u.pOffset + u.C * u.D4 + d] * token(r, l, d); }
  return dot(sum, vec4f(1.0)) * inverseSqrt(f32(u.D4 * 4u));
}
`

const example = (s: AttentionPoolShape, random: () => number) => ({
  table: uniform(s.V * s.D4 * 4, random),
  ids: integers(s.R * s.L, s.V, random),
  channels: uniform(s.R * s.L * s.C, random),
  lengths: integers(s.R, s.L + 1, random),
  parameters: uniform((s.pOffset + (s.C + 1) * s.D4) * 4, random),
})

/** Tokens [L, D] and attention weights of one row, in float64. */
function attend(s: AttentionPoolShape, x: ReferenceArrays<Inputs>, r: number) {
  const D = s.D4 * 4
  const tokens = Array.from({ length: x.lengths[r]! }, (_, l) => {
    const event = r * s.L + l
    return Float64Array.from({ length: D }, (_, d) => {
      let value = x.table[x.ids[event]! * D + d]!
      for (let c = 0; c < s.C; c++) value += x.channels[event * s.C + c]! * x.parameters[s.pOffset * 4 + c * D + d]!
      return value
    })
  })
  const scores = tokens.map(
    (t) => t.reduce((sum, v, d) => sum + v * x.parameters[s.pOffset * 4 + s.C * D + d]!, 0) / Math.sqrt(D),
  )
  const top = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - top))
  const total = powers.reduce((a, b) => a + b, 0)
  return { tokens, weights: powers.map((p) => p / total) }
}

export const attentionPoolForward: Kernel<AttentionPoolShape, Inputs | 'y', Tuning> = {
  name: 'attention-pool.forward',
  bindings: { ...inputBindings, y: { type: 'vec4f', access: 'read_write' } },
  uniforms,
  tunings: [{ name: 'lane-per-row' }],
  // Online softmax: the running sum is rescaled whenever a larger score turns up.
  wgsl: () => /* wgsl */ `
${tokenWgsl}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let r = id.x;
  if (r >= u.R) { return; }
  let to = r * u.yRow + u.yColumn;
  for (var d = 0u; d < u.D4; d++) { y[to + d] = vec4f(); }
  var top = -3.4e38;
  var total = 0.0;
  for (var l = 0u; l < lengths[r]; l++) {
    let s = score(r, l);
    let next = max(top, s);
    let shrink = exp(top - next);
    let power = exp(s - next);
    total = total * shrink + power;
    for (var d = 0u; d < u.D4; d++) { y[to + d] = y[to + d] * shrink + power * token(r, l, d); }
    top = next;
  }
  if (total > 0.0) { for (var d = 0u; d < u.D4; d++) { y[to + d] = y[to + d] / total; } }
}`,
  workgroups: ({ R }) => [Math.ceil(R / 8), 1, 1],
  reference: (s, arrays) => {
    const D = s.D4 * 4
    for (let r = 0; r < s.R; r++) {
      const { tokens, weights } = attend(s, arrays, r)
      for (let d = 0; d < D; d++)
        arrays.y[(r * s.yRow + s.yColumn) * 4 + d] = tokens.reduce((sum, t, l) => sum + weights[l]! * t[d]!, 0)
    }
  },
  cost: ({ R, L, C, D4 }) => ({ flops: R * L * D4 * 4 * (4 + 4 * C), bytes: R * L * D4 * 48 }),
  tolerance: () => ({ absolute: 1e-5, relative: 1e-5 }),
  cases,
  example: (s, random) => ({ ...example(s, random), y: uniform(s.R * s.yRow * 4, random) }),
}

/**
 * dx [R·L, D], the gradient of every token (rows past a length are not written), and `partial` [R, (C + 1)·D], each row's
 * share of the gradient of mix and query, to be summed over rows. `dy` lies where `y` did.
 */
export const attentionPoolBackward: Kernel<AttentionPoolShape, Inputs | 'dy' | 'dx' | 'partial', Tuning> = {
  name: 'attention-pool.backward',
  bindings: {
    ...inputBindings,
    dy: { type: 'vec4f', access: 'read' },
    dx: { type: 'vec4f', access: 'read_write' },
    partial: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-row' }],
  wgsl: () => /* wgsl */ `
${tokenWgsl}
fn gain(r: u32, l: u32, start: u32) -> f32 {
  var sum = vec4f();
  for (var d = 0u; d < u.D4; d++) { sum += dy[start + d] * token(r, l, d); }
  return dot(sum, vec4f(1.0));
}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let r = id.x;
  if (r >= u.R) { return; }
  let start = r * u.yRow + u.yColumn;
  let own = r * (u.C + 1u) * u.D4;
  for (var i = 0u; i < (u.C + 1u) * u.D4; i++) { partial[own + i] = vec4f(); }
  var top = -3.4e38;
  var total = 0.0;
  var gains = 0.0;
  for (var l = 0u; l < lengths[r]; l++) {
    let s = score(r, l);
    let next = max(top, s);
    let shrink = exp(top - next);
    let power = exp(s - next);
    total = total * shrink + power;
    gains = gains * shrink + power * gain(r, l, start);
    top = next;
  }
  let root = inverseSqrt(f32(u.D4 * 4u));
  for (var l = 0u; l < lengths[r]; l++) {
    let event = r * u.L + l;
    let weight = exp(score(r, l) - top) / total;
    let slope = weight * (gain(r, l, start) - gains / total) * root;
    for (var d = 0u; d < u.D4; d++) {
      let g = weight * dy[start + d] + slope * parameters[u.pOffset + u.C * u.D4 + d];
      dx[event * u.D4 + d] = g;
      for (var c = 0u; c < u.C; c++) { partial[own + c * u.D4 + d] += channels[event * u.C + c] * g; }
      partial[own + u.C * u.D4 + d] += slope * token(r, l, d);
    }
  }
}`,
  workgroups: ({ R }) => [Math.ceil(R / 8), 1, 1],
  reference: (s, arrays) => {
    const { dy, dx, partial, parameters, channels } = arrays
    const D = s.D4 * 4
    partial.fill(0)
    for (let r = 0; r < s.R; r++) {
      const { tokens, weights } = attend(s, arrays, r)
      const g = Float64Array.from({ length: D }, (_, d) => dy[(r * s.yRow + s.yColumn) * 4 + d]!)
      const gains = tokens.map((t) => t.reduce((sum, v, d) => sum + v * g[d]!, 0))
      for (const [l, token] of tokens.entries()) {
        // softmax Jacobian, pair by pair
        let dScore = 0
        for (const [m] of tokens.entries()) dScore += gains[m]! * weights[m]! * ((l === m ? 1 : 0) - weights[l]!)
        const event = r * s.L + l
        for (let d = 0; d < D; d++) {
          const query = parameters[s.pOffset * 4 + s.C * D + d]!
          const gradient = weights[l]! * g[d]! + (dScore * query) / Math.sqrt(D)
          dx[event * D + d] = gradient
          const own = r * (s.C + 1) * D
          for (let c = 0; c < s.C; c++)
            partial[own + c * D + d] = partial[own + c * D + d]! + channels[event * s.C + c]! * gradient
          partial[own + s.C * D + d] = partial[own + s.C * D + d]! + (dScore * token[d]!) / Math.sqrt(D)
        }
      }
    }
  },
  cost: ({ R, L, C, D4 }) => ({ flops: R * L * D4 * 4 * (12 + 8 * C), bytes: R * L * D4 * 96 }),
  tolerance: () => ({ absolute: 3e-5, relative: 3e-5 }),
  cases,
  example: (s, random) => ({
    ...example(s, random),
    dy: uniform(s.R * s.yRow * 4, random),
    dx: new Float32Array(s.R * s.L * s.D4 * 4),
    partial: uniform(s.R * (s.C + 1) * s.D4 * 4, random),
  }),
}
