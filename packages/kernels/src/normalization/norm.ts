/** The two norms differ in one term, so one declaration of each direction makes both. */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { exampleMoments, gainSize, type NormShape, norms, shiftSize, xSize, ySize } from './norm-shape.ts'
import { backwardWgsl, forwardWgsl, type NormTuning } from './norm-wgsl.ts'

export type NormForward = Kernel<NormShape, 'x' | 'gain' | 'shift' | 'y' | 'moments', NormTuning>
export type NormBackward = Kernel<NormShape, 'x' | 'gain' | 'moments' | 'dy' | 'dx', NormTuning>

export function declareNormForward(name: string, centered: boolean): NormForward {
  return {
    name,
    bindings: { ...reads('vec4f', 'x', 'gain', 'shift'), ...writes('vec4f', 'y'), ...writes('f32', 'moments') },
    ...norms,
    wgsl: (t) => forwardWgsl(t, centered),
    sizes: (s) => ({ x: xSize(s), gain: gainSize(s), shift: shiftSize(s), y: ySize(s), moments: s.V * 2 }),
    reference: (s, { x, gain, shift, y, moments }) => {
      const D = s.D4 * 4
      for (let v = 0; v < s.V; v++) {
        const from = (s.xOffset + Math.floor(v / s.K) * s.xRow) * 4 + (v % s.K) * D
        const to = (s.yOffset + Math.floor(v / s.K) * s.yRow) * 4 + (v % s.K) * D
        let mean = 0
        if (centered) for (let d = 0; d < D; d++) mean += x[from + d]! / D
        let variance = 0
        for (let d = 0; d < D; d++) variance += (x[from + d]! - mean) ** 2 / D
        const deviation = Math.sqrt(variance + s.epsilon)
        for (let d = 0; d < D; d++) {
          const factor = s.hasGain ? gain[s.gainOffset * 4 + d]! : 1
          const term = s.hasShift ? shift[s.shiftOffset * 4 + d]! : 0
          y[to + d] = ((x[from + d]! - mean) / deviation) * factor + term
        }
        moments[v * 2] = mean
        moments[v * 2 + 1] = 1 / deviation
      }
    },
    cost: ({ V, D4 }) => ({ flops: V * D4 * 4 * (centered ? 7 : 4), bytes: V * (D4 * 32 + 8) }),
    // centring a vector of almost equal values leaves few digits
    tolerance: () => (centered ? { absolute: 2e-5, relative: 2e-5 } : { absolute: 2e-6, relative: 2e-6 }),
    example: () => ({ x: 3, gain: 2 }),
  }
}

export function declareNormBackward(name: string, centered: boolean, forward: NormForward): NormBackward {
  return {
    name,
    bindings: {
      ...reads('vec4f', 'x', 'gain'),
      ...reads('f32', 'moments'),
      ...reads('vec4f', 'dy'),
      ...writes('vec4f', 'dx'),
    },
    ...norms,
    wgsl: (t) => backwardWgsl(t, centered),
    sizes: (s) => ({ x: xSize(s), gain: gainSize(s), moments: s.V * 2, dy: ySize(s), dx: xSize(s) }),
    reference: (s, { x, gain, moments, dy, dx }) => {
      const D = s.D4 * 4
      const g = new Float64Array(D)
      for (let v = 0; v < s.V; v++) {
        const at = (s.xOffset + Math.floor(v / s.K) * s.xRow) * 4 + (v % s.K) * D
        const from = (s.yOffset + Math.floor(v / s.K) * s.yRow) * 4 + (v % s.K) * D
        const [mean, rstd] = [moments[v * 2]!, moments[v * 2 + 1]!]
        for (let d = 0; d < D; d++) g[d] = s.hasGain ? dy[from + d]! * gain[s.gainOffset * 4 + d]! : dy[from + d]!
        // e = x − mean has unit vector e · rstd / √D: what of g lies along it, and along (1, …, 1), has no effect on y
        let along = 0
        for (let d = 0; d < D; d++) along += g[d]! * (x[at + d]! - mean) * rstd
        let level = 0
        if (centered) for (let d = 0; d < D; d++) level += g[d]!
        for (let d = 0; d < D; d++) dx[at + d] = (g[d]! - level / D - ((x[at + d]! - mean) * rstd * along) / D) * rstd
      }
    },
    cost: ({ V, D4 }) => ({ flops: V * D4 * 4 * (centered ? 10 : 8), bytes: V * (D4 * 48 + 8) }),
    tolerance: () => ({ absolute: 4e-6, relative: 4e-6 }),
    example: ({ V }, random) => ({ x: 2, gain: 2, moments: exampleMoments(V, random) }),
    gradient: { forward, from: { y: 'dy' }, to: { x: 'dx' } },
  }
}
