/**
 * All dot products between F feature vectors of a row, DLRM's interaction (Naumov et al. 2019):
 *   z[r, i(i−1)/2 + j] = x_i · x_j   for j < i
 * R rows of F vectors of D4 vec4. `xOffset`, `xRow` and `xFeature` (from a vector to the next) count vec4; `zOffset` and
 * `zRow` floats, so that the products are columns of a wider row and concatenation needs no copy.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import {
  backwardInTiles,
  backwardInWorkgroups,
  forwardInTiles,
  forwardInWorkgroups,
  groupFeatures,
  groupWidth4,
  tileLanes,
  tileWidth4,
} from './pairwise-dot-wgsl.ts'

const uniforms = {
  ...all('size', 'R', 'F', 'D4'),
  ...all('u32', 'xOffset', 'xRow', 'xFeature', 'zOffset', 'zRow'),
} as const

export type PairwiseDotShape = ShapeOf<typeof uniforms>

/** `accumulate` 1 adds to dx, 0 overwrites it. */
export type PairwiseDotBackwardShape = PairwiseDotShape & { accumulate: number }

/** T: features of a register tile; 0 where a workgroup shares its tiles. */
export interface PairwiseDotTuning extends Tuning {
  readonly T: number
}

/** Workgroup memory and coalesced loads for GPUs; register tiles where loads are dear and barriers dearer. */
const tuningsWithTile = (T: number): readonly PairwiseDotTuning[] => [
  { name: 'workgroup-tile', T: 0 },
  { name: `lane-tile-${T}`, T },
]

const pairsOf = (F: number) => (F * (F - 1)) / 2
const tilesOf = (F: number, T: number) => Math.ceil(F / T)
const pairsOfTiles = (n: number) => (n * (n + 1)) / 2
const xSize = ({ R, F, D4, xOffset, xRow, xFeature }: PairwiseDotShape) =>
  xOffset + (R - 1) * xRow + (F - 1) * xFeature + D4
const zSize = ({ R, zOffset, zRow }: PairwiseDotShape) => zOffset + R * zRow

const cases: readonly PairwiseDotShape[] = [
  { R: 1, F: 2, D4: 1, xOffset: 0, xRow: 2, xFeature: 1, zOffset: 0, zRow: 1 },
  { R: 19, F: 9, D4: 5, xOffset: 2, xRow: 62, xFeature: 6, zOffset: 3, zRow: 43 },
  { R: 5, F: 33, D4: 9, xOffset: 0, xRow: 297, xFeature: 9, zOffset: 0, zRow: 528 },
  { R: 3, F: 27, D4: 4, xOffset: 0, xRow: 108, xFeature: 4, zOffset: 16, zRow: 367 },
  // a single feature has no pairs
  { R: 2, F: 1, D4: 3, xOffset: 0, xRow: 3, xFeature: 3, zOffset: 1, zRow: 2 },
]

/** More than 65,535 workgroups, where a row takes one; every row reads the same vectors. */
const manyGroups = { R: 65_537, F: 2, D4: 1, xOffset: 0, xRow: 0, xFeature: 1, zOffset: 0, zRow: 1 }

const draw = (between: (low: number, high: number) => number): PairwiseDotShape => {
  const [F, D4] = [between(1, 35), between(1, 10)]
  const xFeature = D4 + between(0, 2)
  const rows = { xOffset: 0, xRow: F * xFeature, zOffset: 0, zRow: pairsOf(F) + 1 }
  return withGaps({ R: between(1, 20), F, D4, xFeature, ...rows }, between)
}

const benchmarks: readonly PairwiseDotShape[] = [
  { R: 2048, F: 27, D4: 4, xOffset: 0, xRow: 108, xFeature: 4, zOffset: 16, zRow: 368 },
  { R: 2048, F: 16, D4: 24, xOffset: 0, xRow: 384, xFeature: 24, zOffset: 96, zRow: 216 },
  { R: 512, F: 8, D4: 16, xOffset: 0, xRow: 128, xFeature: 16, zOffset: 64, zRow: 92 },
]

export const pairwiseDotForward: Kernel<PairwiseDotShape, 'x' | 'z', PairwiseDotTuning> = {
  name: 'interaction.pairwise-dot.forward',
  bindings: { ...reads('vec4f', 'x'), ...writes('f32', 'z') },
  uniforms,
  tunings: tuningsWithTile(4),
  wgsl: ({ T }) => (T === 0 ? forwardInWorkgroups() : forwardInTiles(T)),
  workgroups: ({ R, F }, { T }) =>
    T === 0
      ? linearGroups(R * pairsOfTiles(tilesOf(F, groupFeatures)))
      : linearGroups(Math.ceil((R * pairsOfTiles(tilesOf(F, T))) / tileLanes)),
  sizes: (s) => ({ x: xSize(s), z: zSize(s) }),
  reference: (s, { x, z }) => {
    for (let r = 0; r < s.R; r++) {
      let place = s.zOffset + r * s.zRow
      for (let i = 0; i < s.F; i++)
        for (let j = 0; j < i; j++) {
          const row = s.xOffset + r * s.xRow
          let sum = 0
          for (let d = 0; d < s.D4 * 4; d++)
            sum += x[(row + i * s.xFeature) * 4 + d] * x[(row + j * s.xFeature) * 4 + d]
          z[place++] = sum
        }
    }
  },
  cost: ({ R, F, D4 }) => ({ flops: R * pairsOf(F) * D4 * 8, bytes: R * (F * D4 * 16 + pairsOf(F) * 4) }),
  tolerance: ({ D4 }) => ({ absolute: 5e-7 * D4, relative: 2e-6 }),
  cases: [...cases, manyGroups],
  draw,
  benchmarks,
}

/** dx_i (+)= Σ_{j≠i} dz[r, pair(i, j)] · x_j; dx lies as x does. */
export const pairwiseDotBackward: Kernel<PairwiseDotBackwardShape, 'x' | 'dz' | 'dx', PairwiseDotTuning> = {
  name: 'interaction.pairwise-dot.backward',
  bindings: { ...reads('vec4f', 'x'), ...reads('f32', 'dz'), ...writes('vec4f', 'dx') },
  uniforms: { ...uniforms, accumulate: 'u32' },
  tunings: tuningsWithTile(8),
  wgsl: ({ T }) => (T === 0 ? backwardInWorkgroups() : backwardInTiles(T)),
  workgroups: ({ R, F, D4 }, { T }) =>
    T === 0
      ? linearGroups(R * tilesOf(F, groupFeatures) * Math.ceil(D4 / groupWidth4))
      : linearGroups(Math.ceil((R * tilesOf(F, T) * Math.ceil(D4 / tileWidth4)) / tileLanes)),
  sizes: (s) => ({ x: xSize(s), dz: zSize(s), dx: xSize(s) }),
  reference: (s, { x, dz, dx }) => {
    for (let r = 0; r < s.R; r++) {
      const at = (i: number, d: number) => (s.xOffset + r * s.xRow + i * s.xFeature) * 4 + d
      const gradient = (i: number, j: number) => {
        const [high, low] = i > j ? [i, j] : [j, i]
        return dz[s.zOffset + r * s.zRow + (high * (high - 1)) / 2 + low]
      }
      for (let i = 0; i < s.F; i++)
        for (let d = 0; d < s.D4 * 4; d++) {
          let sum = s.accumulate ? dx[at(i, d)] : 0
          for (let j = 0; j < s.F; j++) if (j !== i) sum += gradient(i, j) * x[at(j, d)]
          dx[at(i, d)] = sum
        }
    }
  },
  cost: ({ R, F, D4, accumulate }) => ({
    flops: R * pairsOf(F) * D4 * 16,
    bytes: R * (F * D4 * (accumulate ? 48 : 32) + pairsOf(F) * 4),
  }),
  tolerance: ({ F }) => ({ absolute: 3e-7 * F, relative: 2e-6 }),
  cases: [...cases.map((shape, i) => ({ ...shape, accumulate: i % 2 })), { ...manyGroups, xRow: 2, accumulate: 0 }],
  draw: (between) => ({ ...draw(between), accumulate: between(0, 1) }),
  benchmarks: benchmarks.map((shape) => ({ ...shape, accumulate: 0 })),
  gradient: {
    forward: pairwiseDotForward,
    shape: ({ accumulate, ...shape }) => shape,
    from: { z: 'dz' },
    to: { x: 'dx' },
  },
}
