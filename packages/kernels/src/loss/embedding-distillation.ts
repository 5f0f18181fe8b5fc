/**
 * Distillation from another model's embeddings t, those of the snapshot before for instance, so that consumers trained
 * on them keep working: mean squared error of V vectors of D = 4 · D4, between the vectors as they are or their directions.
 *   normalized 0: loss[v] = ‖x − t‖² / D      normalized 1: loss[v] = ‖x̂ − t̂‖² / D,  x̂ = x / √(‖x‖² + ε)
 *   dx (+)= w · scale · ∂loss/∂x
 * `loss` is left unweighted; w is the weight of the vector's row; `accumulate` 1 adds to dx. Vector v lies in row ⌊v / K⌋
 * at place v mod K; offsets and row strides count vec4, and dx lies as x does.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { reduceWgsl, rowLanes } from '../wgsl/row-lanes.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'

const uniforms = {
  ...all('size', 'V', 'K', 'D4'),
  ...all('u32', 'xOffset', 'xRow', 'tOffset', 'tRow', 'normalized'),
  scale: 'f32',
  accumulate: 'u32',
} as const

export type EmbeddingDistillationShape = ShapeOf<typeof uniforms>

const epsilon = 1e-8
const lanes = 32
/** Where a workgroup sums together. */
const group = { kind: 'workgroup' } as const

const main = (isGroup: boolean) => {
  const first = isGroup ? 'lane' : '0u'
  const step = isGroup ? `${rowLanes(group)}u` : '1u'
  const sum = (value: string) => (isGroup ? `reduceSum4(${value}, lane)` : value)
  return /* wgsl */ `
${isGroup ? reduceWgsl(group) : ''}
${mainWgsl(isGroup ? rowLanes(group) : lanes)}
  let v = group${isGroup ? '' : ` * ${lanes}u + lane`};
  if (v >= u.V) { return; }
  let D4 = u.D4;
  let row = v / u.K;
  let place = (v % u.K) * D4;
  let xStart = u.xOffset + row * u.xRow + place;
  let tStart = u.tOffset + row * u.tRow + place;
  var xScale = 1.0;
  var tScale = 1.0;
  var along = 0.0;
  if (u.normalized != 0u) {
    // ‖x‖², ‖t‖² and x · t
    var moments = vec4f();
    for (var i = ${first}; i < D4; i += ${step}) {
      let a = x[xStart + i];
      let b = teacher[tStart + i];
      moments += vec4f(dot(a, a), dot(b, b), dot(a, b), 0.0);
    }
    moments = ${sum('moments')};
    xScale = inverseSqrt(moments.x + ${epsilon});
    tScale = inverseSqrt(moments.y + ${epsilon});
    // x̂ · (x̂ − t̂): the part of the difference that a longer x would not feel
    along = xScale * (moments.x * xScale - moments.z * tScale);
  }
  let D = f32(D4 * 4u);
  let slope = rowWeights[row] * u.scale * 2.0 / D * xScale;
  let accumulate = u.accumulate != 0u;
  var squares = vec4f();
  for (var i = ${first}; i < D4; i += ${step}) {
    let a = x[xStart + i] * xScale;
    let difference = a - teacher[tStart + i] * tScale;
    squares += difference * difference;
    var gradient = slope * (difference - select(vec4f(), a * along, u.normalized != 0u));
    if (accumulate) { gradient += dx[xStart + i]; }
    dx[xStart + i] = gradient;
  }
  ${isGroup ? 'squares = reduceSum4(squares, lane);\n  if (lane > 0u) { return; }' : ''}
  loss[v] = dot(squares, vec4f(1.0)) / D;
}`
}

const xSize = ({ V, K, xOffset, xRow }: EmbeddingDistillationShape) => xOffset + Math.ceil(V / K) * xRow
const tSize = ({ V, K, tOffset, tRow }: EmbeddingDistillationShape) => tOffset + Math.ceil(V / K) * tRow

export const embeddingDistillation: Kernel<
  EmbeddingDistillationShape,
  'x' | 'teacher' | 'rowWeights' | 'loss' | 'dx',
  Tuning
> = {
  name: 'loss.embedding-distillation',
  bindings: {
    ...reads('vec4f', 'x', 'teacher'),
    ...reads('f32', 'rowWeights'),
    ...writes('f32', 'loss'),
    ...writes('vec4f', 'dx'),
  },
  uniforms,
  tunings: [{ name: 'workgroup-per-vector' }, { name: 'lane-per-vector' }],
  wgsl: ({ name }) => main(name === 'workgroup-per-vector'),
  workgroups: ({ V }, { name }) => linearGroups(name === 'workgroup-per-vector' ? V : Math.ceil(V / lanes)),
  sizes: (s) => ({ x: xSize(s), teacher: tSize(s), rowWeights: Math.ceil(s.V / s.K), loss: s.V, dx: xSize(s) }),
  reference: (s, { x, teacher, rowWeights, loss, dx }) => {
    const D = s.D4 * 4
    for (let v = 0; v < s.V; v++) {
      const row = Math.floor(v / s.K)
      const xStart = (s.xOffset + row * s.xRow) * 4 + (v % s.K) * D
      const tStart = (s.tOffset + row * s.tRow) * 4 + (v % s.K) * D
      const squareOf = (array: ArrayLike<number>, start: number) => {
        let sum = 0
        for (let d = 0; d < D; d++) sum += array[start + d] ** 2
        return sum
      }
      const xNorm = s.normalized ? Math.sqrt(squareOf(x, xStart) + epsilon) : 1
      const tNorm = s.normalized ? Math.sqrt(squareOf(teacher, tStart) + epsilon) : 1
      const e = (d: number) => x[xStart + d] / xNorm - teacher[tStart + d] / tNorm
      loss[v] = 0
      for (let d = 0; d < D; d++) loss[v] += e(d) ** 2 / D
      for (let i = 0; i < D; i++) {
        // ∂x̂_j/∂x_i = (δ_ij − x̂_i x̂_j) / norm
        let sum = s.normalized ? 0 : (2 * e(i)) / D
        if (s.normalized)
          for (let j = 0; j < D; j++) {
            const jacobian = (i === j ? 1 : 0) - (x[xStart + i] / xNorm) * (x[xStart + j] / xNorm)
            sum += (2 * e(j) * jacobian) / D / xNorm
          }
        const gradient = rowWeights[row] * s.scale * sum
        dx[xStart + i] = s.accumulate ? dx[xStart + i] + gradient : gradient
      }
    }
  },
  cost: ({ V, D4, normalized, accumulate }) => ({
    flops: V * D4 * (normalized ? 64 : 20),
    bytes: V * (D4 * (accumulate ? 64 : 48) + 4),
  }),
  tolerance: () => ({ absolute: 1e-6, relative: 1e-5 }),
  cases: [
    { V: 1, K: 1, D4: 1, xOffset: 0, xRow: 1, tOffset: 0, tRow: 1, normalized: 0, scale: 1, accumulate: 0 },
    { V: 66, K: 2, D4: 7, xOffset: 1, xRow: 15, tOffset: 2, tRow: 17, normalized: 1, scale: 1, accumulate: 1 },
    { V: 33, K: 3, D4: 24, xOffset: 0, xRow: 72, tOffset: 0, tRow: 72, normalized: 0, scale: 1 / 11, accumulate: 1 },
    { V: 14, K: 2, D4: 65, xOffset: 0, xRow: 130, tOffset: 3, tRow: 130, normalized: 1, scale: 1, accumulate: 0 },
    // over 65,535 workgroups where a vector takes one
    { V: 65_537, K: 1, D4: 1, xOffset: 0, xRow: 1, tOffset: 0, tRow: 1, normalized: 0, scale: 1, accumulate: 0 },
  ],
  draw: (between) => {
    const [K, D4] = [between(1, 4), between(1, 20)]
    const flags = { normalized: between(0, 1), scale: 1 / between(1, 90), accumulate: between(0, 1) }
    const rows = { xOffset: 0, xRow: K * D4, tOffset: 0, tRow: K * D4 }
    return withGaps({ V: K * between(1, 40), K, D4, ...rows, ...flags }, between)
  },
  benchmarks: [0, 1].map((normalized) => {
    const rows = { xOffset: 0, xRow: 50, tOffset: 0, tRow: 48 }
    return { V: 4096, K: 2, D4: 24, ...rows, normalized, scale: 1 / 2048, accumulate: 1 }
  }),
  example: ({ V, K }, random) => ({ rowWeights: uniform(Math.ceil(V / K), random).map(Math.abs) }),
  gradient: {
    get forward() {
      return embeddingDistillation
    },
    from: {
      loss: ({ V, K, scale }, { rowWeights }) =>
        Array.from({ length: V }, (_, v) => rowWeights[Math.floor(v / K)] * scale),
    },
    to: { x: 'dx' },
  },
}
