/**
 * Decorrelation of a batch's embeddings Z [R, D], VICReg's covariance term (Bardes et al. 2022; Barlow Twins has a kin):
 *   loss = 1/D Σ_{i≠j} C_ij²,   C = Z̃ᵀ Z̃ / (n − 1),   dZ = 4 / (D (n − 1)) · Z̃ · (C − diag C)
 * where Z̃ is Z less its column means and n the number of rows that count. In four steps, of which matmul does two:
 *   Z̃ = center(Z);   P = Z̃ᵀ Z̃;   loss, M = off-diagonal(P);   dZ (+)= Z̃ M
 * The columns of Z̃ M have mean 0, so that the gradient needs no centering of its own. A row of weight 0 does not count.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { padded } from '../wgsl/padded.ts'
import { reduceWgsl, rowLanes } from '../wgsl/row-lanes.ts'

/** R rows of D4 vec4; `xOffset` and `xRow` count vec4. The result is dense. */
export type CenterShape = { R: number; D4: number; xOffset: number; xRow: number }

/** Columns of vec4 that a workgroup centers, and lanes that share the rows of a column. */
const groupColumns = 8
const slots = 32

/** centered = x − column mean over the rows of weight ≠ 0, which `count` counts; the other rows become 0. */
export const decorrelationCenter: Kernel<CenterShape, 'x' | 'rowWeights' | 'centered' | 'count', Tuning> = {
  name: 'loss.decorrelation.center',
  bindings: {
    ...reads('vec4f', 'x'),
    ...reads('f32', 'rowWeights'),
    ...writes('vec4f', 'centered'),
    ...writes('f32', 'count'),
  },
  uniforms: { R: 'size', D4: 'size', xOffset: 'u32', xRow: 'u32' },
  tunings: [{ name: 'eight-columns-by-32-rows' }],
  wgsl: () => /* wgsl */ `
var<workgroup> sums: array<vec4f, ${groupColumns * slots}>;
var<workgroup> counts: array<f32, ${groupColumns * slots}>;
${mainWgsl(groupColumns * slots)}
  let R = u.R;
  let D4 = u.D4;
  let column = group * ${groupColumns}u + lane % ${groupColumns}u;
  let isColumn = column < D4;
  let slot = lane / ${groupColumns}u;
  let start = u.xOffset + min(column, D4 - 1u);
  let xRow = u.xRow;
  var sum = vec4f();
  var n = 0.0;
  for (var r = slot; r < R; r += ${slots}u) {
    let isLeftOut = rowWeights[r] == 0.0;
    sum += select(x[start + r * xRow], vec4f(), isLeftOut);
    n += select(1.0, 0.0, isLeftOut);
  }
  sums[lane] = sum;
  counts[lane] = n;
  workgroupBarrier();
  sum = vec4f();
  n = 0.0;
  for (var s = lane % ${groupColumns}u; s < ${groupColumns * slots}u; s += ${groupColumns}u) {
    sum += sums[s];
    n += counts[s];
  }
  let mean = sum / n;
  if (column == 0u && slot == 0u) { count[0] = n; }
  if (!isColumn) { return; }
  for (var r = slot; r < R; r += ${slots}u) {
    centered[r * D4 + column] = select(x[start + r * xRow] - mean, vec4f(), rowWeights[r] == 0.0);
  }
}`,
  workgroups: ({ D4 }) => linearGroups(Math.ceil(D4 / groupColumns)),
  sizes: ({ R, D4, xOffset, xRow }) => ({ x: xOffset + R * xRow, rowWeights: R, centered: R * D4, count: 1 }),
  reference: (s, { x, rowWeights, centered, count }) => {
    const D = s.D4 * 4
    count[0] = Array.from(rowWeights).filter((weight) => weight !== 0).length
    for (let d = 0; d < D; d++) {
      let mean = 0
      for (let r = 0; r < s.R; r++) if (rowWeights[r] !== 0) mean += x[(s.xOffset + r * s.xRow) * 4 + d] / count[0]
      for (let r = 0; r < s.R; r++)
        centered[r * D + d] = rowWeights[r] === 0 ? 0 : x[(s.xOffset + r * s.xRow) * 4 + d] - mean
    }
  },
  cost: ({ R, D4 }) => ({ flops: R * D4 * 8, bytes: R * (D4 * 32 + 4) }),
  tolerance: ({ R }) => ({ absolute: 1e-6 + 1e-8 * Math.sqrt(R), relative: 2e-6 }),
  cases: [
    { R: 1, D4: 1, xOffset: 0, xRow: 1 },
    { R: 67, D4: 13, xOffset: 2, xRow: 17 },
    { R: 31, D4: 8, xOffset: 0, xRow: 8 },
    { R: 300, D4: 9, xOffset: 1, xRow: 9 },
  ],
  draw: (between) => {
    const D4 = between(1, 20)
    return withGaps({ R: between(1, 130), D4, xOffset: 0, xRow: D4 }, between)
  },
  benchmarks: [{ R: 2048, D4: 48, xOffset: 0, xRow: 50 }],
  example: (s, random) => ({
    x: uniform((s.xOffset + s.R * s.xRow) * 4, random).map((value, i) => value + Math.sin(i % (s.xRow * 4))),
    // One row in five does not count, but the first does.
    rowWeights: Float32Array.from({ length: s.R }, (_, r) => (r > 0 && random() < 0.2 ? 0 : 1)),
  }),
}

/** D embedding dimensions; `pRow`, the stride of P and M, counts vec4. */
export type OffDiagonalShape = { D: number; pRow: number; scale: number }

const lanes = 32
/** Where a workgroup sums together. */
const group = { kind: 'workgroup' } as const

const offDiagonalWgsl = (isGroup: boolean) => /* wgsl */ `
${isGroup ? reduceWgsl(group) : ''}
${mainWgsl(isGroup ? rowLanes(group) : lanes)}
  let i = group${isGroup ? '' : ` * ${lanes}u + lane`};
  let D = u.D;
  if (i >= D) { return; }
  let n = count[0];
  let inverse = 1.0 / select(n - 1.0, 1.0, n < 2.0);
  let slope = 4.0 * u.scale / f32(D) * inverse;
  let start = i * u.pRow;
  var squares = vec4f();
  for (var q = ${isGroup ? 'lane' : '0u'}; q * 4u < D; q += ${isGroup ? rowLanes(group) : 1}u) {
    let j = vec4u(q * 4u) + vec4u(0u, 1u, 2u, 3u);
    let c = select(vec4f(), products[start + q] * inverse, (j != vec4u(i)) & (j < vec4u(D)));
    squares += c * c;
    masked[start + q] = slope * c;
  }
  ${isGroup ? 'squares = reduceSum4(squares, lane);\n  if (lane > 0u) { return; }' : ''}
  loss[i] = dot(squares, vec4f(1.0)) / f32(D);
}`

/** From P [D, D]: loss[i] = 1/D Σ_{j≠i} C_ij², whose sum is the loss, and M_ij = scale · 4 / (D (n − 1)) · C_ij, 0 where i = j. */
export const decorrelationOffDiagonal: Kernel<OffDiagonalShape, 'products' | 'count' | 'loss' | 'masked', Tuning> = {
  name: 'loss.decorrelation.off-diagonal',
  bindings: {
    ...reads('vec4f', 'products'),
    ...reads('f32', 'count'),
    ...writes('f32', 'loss'),
    ...writes('vec4f', 'masked'),
  },
  uniforms: { D: 'size', pRow: 'u32', scale: 'f32' },
  tunings: [{ name: 'workgroup-per-row' }, { name: 'lane-per-row' }],
  wgsl: ({ name }) => offDiagonalWgsl(name === 'workgroup-per-row'),
  workgroups: ({ D }, { name }) => linearGroups(name === 'workgroup-per-row' ? D : Math.ceil(D / lanes)),
  sizes: ({ D, pRow }) => ({ products: D * pRow, count: 1, loss: D, masked: D * pRow }),
  reference: (s, { products, count, loss, masked }) => {
    const freedom = count[0] < 2 ? 1 : count[0] - 1
    for (let i = 0; i < s.D; i++) {
      loss[i] = 0
      for (let j = 0; j < padded(s.D); j++) {
        const c = j === i || j >= s.D ? 0 : products[i * s.pRow * 4 + j] / freedom
        loss[i] += c ** 2 / s.D
        masked[i * s.pRow * 4 + j] = ((s.scale * 4) / (s.D * freedom)) * c
      }
    }
  },
  cost: ({ D }) => ({ flops: D * D * 4, bytes: D * (padded(D) * 8 + 4) }),
  tolerance: () => ({ absolute: 1e-7, relative: 5e-6 }),
  cases: [
    { D: 1, pRow: 1, scale: 1 },
    { D: 67, pRow: 19, scale: 0.5 },
    { D: 32, pRow: 8, scale: 1 },
    { D: 257, pRow: 65, scale: 2 },
  ],
  draw: (between) => {
    const D = between(1, 140)
    return { D, pRow: padded(D) / 4 + between(0, 3), scale: 1 / between(1, 9) }
  },
  benchmarks: [{ D: 192, pRow: 48, scale: 1 }],
  example: () => ({ products: 40, count: Float32Array.of(41) }),
  // M counts every pair twice, as P_ij and P_ji are both Z̃'s; by P alone the gradient is half of it.
  gradient: {
    get forward() {
      return decorrelationOffDiagonal
    },
    from: { loss: ({ D, scale }) => new Array(D).fill(scale) },
    to: { products: (_, { masked }) => Array.from(masked, (m) => m / 2) },
  },
}
