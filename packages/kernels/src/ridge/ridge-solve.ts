/**
 * Coefficients of ridge regressions ([ridge-shape.ts] has the formula), accumulated and solved in one pass over the events of
 * a row and head: y = A⁻¹ b, b the right side of the events or, where `given` is 1, the gradient by the coefficients, which is what the
 * backward needs of A first (implicit differentiation). Neither A nor products of events are stored.
 * By conjugate gradients, preconditioned by the diagonal, until the residual is 3e-7 of what it was. `yOffset` counts vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import type { ShapeOf } from '../wgsl/uniforms.ts'
import {
  coefficientQuads,
  exampleEvents,
  normalEquations,
  type RidgeInputs,
  ridgeBindings,
  ridgeInputSizes,
  ridgeUniforms,
  solvePositive,
} from './ridge-shape.ts'
import { type RidgeTuning, subgroupRidgeWgsl, workgroupRidgeWgsl } from './ridge-solve-wgsl.ts'

const uniforms = { ...ridgeUniforms, given: 'u32', yOffset: 'u32' } as const

export type RidgeSolveShape = ShapeOf<typeof uniforms>

const dense = { given: 0, yOffset: 0 }

export const ridgeSolve: Kernel<RidgeSolveShape, RidgeInputs | 'rhs' | 'y', RidgeTuning> = {
  name: 'ridge.solve',
  bindings: { ...ridgeBindings, ...reads('vec4f', 'rhs'), ...writes('vec4f', 'y') },
  uniforms,
  tunings: [
    { name: 'workgroup-64', kind: 'workgroup' },
    { name: 'subgroup-8', kind: 'subgroup', minSubgroupSize: 8 },
  ],
  wgsl: (tuning) => (tuning.kind === 'subgroup' ? subgroupRidgeWgsl() : workgroupRidgeWgsl()),
  bucket: ({ D4 }) => (D4 <= 8 ? 'width ≤ 32' : 'width > 32'),
  workgroups: ({ R, H }) => linearGroups(R * H),
  sizes: (s) => ({
    ...ridgeInputSizes(s),
    rhs: s.given === 1 ? coefficientQuads(s) : 1,
    y: s.yOffset + coefficientQuads(s),
  }),
  reference: (s, arrays) => {
    const width = (s.D4 + 1) * 4
    for (let system = 0; system < s.R * s.H; system++) {
      const { A, b } = normalEquations(s, arrays, Math.floor(system / s.H), system % s.H)
      const right = s.given === 1 ? [...arrays.rhs.subarray(system * width, system * width + b.length)] : b
      arrays.y.set([...solvePositive(A, right), 0, 0, 0], s.yOffset * 4 + system * width)
    }
  },
  cost: (s) => {
    const P = s.D4 * 4 + 1
    return {
      flops: s.R * s.H * (s.L * P * (P + 3) + P ** 3 / 3 + 2 * P * P),
      bytes: 16 * (s.R * s.L * (s.D4 + 2) + coefficientQuads(s)),
    }
  },
  tolerance: () => ({ absolute: 5e-5, relative: 5e-5 }),
  cases: [
    { R: 1, L: 1, H: 1, D4: 1, ...dense },
    { R: 5, L: 9, H: 2, D4: 3, given: 0, yOffset: 7 },
    { R: 4, L: 97, H: 2, D4: 8, ...dense },
    { R: 3, L: 33, H: 1, D4: 8, given: 1, yOffset: 3 },
    { R: 2, L: 40, H: 4, D4: 9, ...dense },
    { R: 3, L: 70, H: 1, D4: 16, ...dense },
    { R: 2, L: 17, H: 3, D4: 13, given: 1, yOffset: 0 },
    { R: 1, L: 1024, H: 1, D4: 5, ...dense },
    // more than 65,535 workgroups of a row and head
    { R: 33_000, L: 1, H: 2, D4: 1, ...dense },
  ],
  draw: (between) => {
    const L = between(1, between(0, 1) === 0 ? 9 : 80)
    const sizes = { R: between(1, 6), L, H: between(1, 4), D4: between(1, 16) }
    return { ...sizes, given: between(0, 1), yOffset: between(0, 5) }
  },
  benchmarks: [
    { R: 512, L: 96, H: 2, D4: 8, ...dense },
    { R: 128, L: 1024, H: 1, D4: 16, ...dense },
  ],
  example: exampleEvents,
  // exp of −∞ is no penalty, and of ∞ leaves a system that has a solution and no numbers to find it by.
  finite: ['ridge'],
}
