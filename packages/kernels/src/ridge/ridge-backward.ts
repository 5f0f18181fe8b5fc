/**
 * Backward of `ridge.solve`. `solutions` [2R, H·P] holds the coefficients m and below them u = A⁻¹ (the gradient by m), which the
 * forward kernel gives of the same events. By implicit differentiation, with φ, w and ρ of an event,
 *   dφ = w (ρ − φ·m) u − w (φ·u) m,   dw = (φ·u) (ρ − φ·m),   dρ = w φ·u,   dridge = −exp(ridge) ⊙ u ⊙ m,
 * dφ and dridge for each row, of dφ the vector's columns. Signals behind a length get zeros, their vectors nothing.
 * A workgroup has a row, a lane an event at a time.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { exponentialWgsl } from '../wgsl/exponential.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'
import {
  coefficientQuads,
  exampleEvents,
  normalEquations,
  phiOf,
  type RidgeInputs,
  ridgeBindings,
  ridgeInputSizes,
  ridgeLimits,
  ridgeUniforms,
} from './ridge-shape.ts'
import { ridgeSolve } from './ridge-solve.ts'

export type RidgeBackwardShape = ShapeOf<typeof ridgeUniforms>

interface BackwardTuning extends Tuning {
  readonly lanes: number
}

function wgsl({ lanes }: BackwardTuning): string {
  return /* wgsl */ `
${exponentialWgsl}
// m of each head, and then u of each.
var<workgroup> known: array<vec4f, ${2 * ridgeLimits.heads * (ridgeLimits.width / 4 + 1)}>;
// x in the place of head h, zeros in the others.
fn ofHead(h: u32, x: f32) -> vec4f { return select(vec4f(), vec4f(x), vec4u(0u, 1u, 2u, 3u) == vec4u(h)); }
${mainWgsl(lanes)}
  if (group >= u.R) { return; }
  let length = min(lengths[group], u.L);
  let P4 = u.D4 + 1u;
  let all = u.H * P4;
  for (var i = lane; i < all; i += ${lanes}u) {
    let m = solutions[group * all + i];
    let v = solutions[(u.R + group) * all + i];
    let e = ridge[i];
    known[i] = m;
    known[all + i] = v;
    dridge[group * all + i] = -vec4f(exponential(e.x), exponential(e.y), exponential(e.z), exponential(e.w)) * m * v;
  }
  workgroupBarrier();
  for (var l = lane; l < length; l += ${lanes}u) {
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
  for (var l = length + lane; l < u.L; l += ${lanes}u) {
    dsignals[(group * u.L + l) * 2u] = vec4f();
    dsignals[(group * u.L + l) * 2u + 1u] = vec4f();
  }
}`
}

export const ridgeBackward: Kernel<
  RidgeBackwardShape,
  RidgeInputs | 'solutions' | 'dx' | 'dsignals' | 'dridge',
  BackwardTuning
> = {
  name: 'ridge.backward',
  bindings: { ...ridgeBindings, ...reads('vec4f', 'solutions'), ...writes('vec4f', 'dx', 'dsignals', 'dridge') },
  uniforms: ridgeUniforms,
  tunings: [
    { name: '64-events', lanes: 64 },
    { name: '8-events', lanes: 8 },
  ],
  wgsl,
  workgroups: ({ R }) => linearGroups(R),
  sizes: (s) => {
    const { vectors, signals, ...sizes } = ridgeInputSizes(s)
    const quads = coefficientQuads(s)
    return { vectors, signals, ...sizes, solutions: 2 * quads, dx: vectors, dsignals: signals, dridge: quads }
  },
  reference: (s, arrays) => {
    const { signals, lengths, ridge, solutions, dx, dsignals, dridge } = arrays
    const [D, width] = [s.D4 * 4, (s.D4 + 1) * 4]
    dsignals.fill(0)
    const solutionOf = (r: number, h: number) => solutions.subarray((r * s.H + h) * width, (r * s.H + h + 1) * width)
    const product = (a: ArrayLike<number>, phi: readonly number[]) => phi.reduce((sum, x, i) => sum + x * a[i]!, 0)
    for (let r = 0; r < s.R; r++) {
      for (let l = 0; l < lengths[r]!; l++) dx.fill(0, (r * s.L + l) * D, (r * s.L + l + 1) * D)
      for (let h = 0; h < s.H; h++) {
        const [m, u] = [solutionOf(r, h), solutionOf(s.R + r, h)]
        for (let i = 0; i < width; i++)
          dridge[(r * s.H + h) * width + i] = -Math.exp(ridge[h * width + i]!) * u[i]! * m[i]!
        for (let l = 0; l < lengths[r]!; l++) {
          const event = r * s.L + l
          const phi = phiOf(s, arrays, event)
          const [weight, residual] = [signals[event * 8 + h]!, signals[event * 8 + 4 + h]!]
          const [along, error] = [product(u, phi), residual - product(m, phi)]
          dsignals[event * 8 + h] = along * error
          dsignals[event * 8 + 4 + h] = weight * along
          for (let d = 0; d < D; d++) dx[event * D + d]! += weight * (error * u[d]! - along * m[d]!)
        }
      }
    }
  },
  cost: (s) => ({
    flops: s.R * s.L * s.H * s.D4 * 32,
    bytes: 16 * (s.R * s.L * (2 * s.D4 + 4) + 3 * coefficientQuads(s)),
  }),
  tolerance: ({ D4 }) => ({ absolute: 2e-6 * D4 + 2e-6, relative: 1e-5 }),
  cases: [
    { R: 1, L: 1, H: 1, D4: 1 },
    { R: 5, L: 9, H: 2, D4: 3 },
    { R: 4, L: 67, H: 4, D4: 8 },
    { R: 2, L: 130, H: 3, D4: 16 },
    // more than 65,535 workgroups of a row
    { R: 66_000, L: 1, H: 4, D4: 1 },
  ],
  draw: (between) => {
    const L = between(1, between(0, 1) === 0 ? 9 : 80)
    return { R: between(1, 6), L, H: between(1, 4), D4: between(1, 16) }
  },
  benchmarks: [
    { R: 512, L: 96, H: 2, D4: 8 },
    { R: 128, L: 1024, H: 1, D4: 16 },
  ],
  example: (s, random) => {
    // m is that of the events, for the gradient check; what stands in its padding counts for nothing.
    const given = exampleEvents(s, random)
    const drawn = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1)
    const { vectors: quads, ridge: penalties } = ridgeInputSizes(s)
    const [vectors, ridge] = [drawn(quads * 4), drawn(penalties * 4)]
    const wide = { vectors: Float64Array.from(vectors), ridge: Float64Array.from(ridge), lengths: given.lengths }
    const y = new Float64Array(coefficientQuads(s) * 4)
    const arrays = { ...wide, signals: Float64Array.from(given.signals), rhs: y, y }
    ridgeSolve.reference({ ...s, given: 0, yOffset: 0 }, arrays)
    const u = drawn(y.length).map((value, i) => (i % ((s.D4 + 1) * 4) > s.D4 * 4 ? 0 : value))
    return { ...given, vectors, ridge, solutions: Float32Array.from([...y, ...u]) }
  },
  gradient: {
    forward: ridgeSolve,
    shape: (s) => ({ ...s, given: 0, yOffset: 0 }),
    from: {
      y: (s, arrays) => {
        const width = (s.D4 + 1) * 4
        const g = new Float64Array(coefficientQuads(s) * 4)
        for (let system = 0; system < s.R * s.H; system++) {
          const { A } = normalEquations(s, arrays, Math.floor(system / s.H), system % s.H)
          const at = (s.R * s.H + system) * width
          for (const [i, row] of A.entries())
            g[system * width + i] = row.reduce((sum, a, j) => sum + a * arrays.solutions[at + j]!, 0)
        }
        return g
      },
    },
    to: {
      vectors: 'dx',
      signals: 'dsignals',
      ridge: (s, { dridge }) => {
        const ridge = new Float64Array(s.H * (s.D4 + 1) * 4)
        for (const [i, value] of dridge.entries()) ridge[i % ridge.length]! += value
        return ridge
      },
    },
  },
}
