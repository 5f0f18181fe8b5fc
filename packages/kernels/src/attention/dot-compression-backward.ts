/**
 * Backward of `dot-compression.forward` in two kernels, from its saved `lses` and y. With P the weights:
 * - `dot-compression.backward-tokens`: dx_n = Σ_m P_nm dy_m;
 * - `dot-compression.backward-logits`: dz_nm = scale · P_nm (x_n · dy_m − y_m · dy_m).
 * `dx` lies like X, `dz` like Z, `dy` like Y; rows of tokens beyond a length get zeros.
 */
import type { Kernel } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { exponentialWgsl } from '../wgsl/exponential.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { type RowTuning, rowLanes, rowMainWgsl } from '../wgsl/row-lanes.ts'
import { dotCompressionForward } from './dot-compression.ts'
import { type DotCompressionShape, dotCompression, example, lengthOf, sizes, weight } from './dot-compression-shape.ts'
import {
  type WeightedTuning,
  weightedGroups,
  weightedRowsWgsl,
  weightedSubgroup,
  weightedWorkgroup,
} from './weighted-rows.ts'

const tolerance = ({ D4, M }: DotCompressionShape) => ({ absolute: 1e-5 + 2e-7 * (D4 + M), relative: 2e-5 })

/** What both kernels read, at the scale of what the forward gives. */
const given = (s: DotCompressionShape, random: () => number) => ({
  ...example(s, random),
  lses: uniform(s.B * s.M, random).map((x) => 3 + x),
})

export const dotCompressionBackwardTokens: Kernel<
  DotCompressionShape,
  'z' | 'lengths' | 'lses' | 'dy' | 'dx',
  WeightedTuning
> = {
  name: 'dot-compression.backward-tokens',
  bindings: {
    ...reads('f32', 'z'),
    ...reads('u32', 'lengths'),
    ...reads('f32', 'lses'),
    ...reads('vec4f', 'dy'),
    ...writes('vec4f', 'dx'),
  },
  ...dotCompression,
  tunings: [weightedWorkgroup, weightedSubgroup(16, 2), weightedSubgroup(16, 3)],
  wgsl: (tuning) =>
    weightedRowsWgsl(tuning, {
      rows: 'u.N',
      count: 'u.M',
      declarations: exponentialWgsl,
      prologue: 'let zAt = u.zOffset + b * u.N * u.zRow;',
      weight: (row, k) => `exponential(z[zAt + ${row} * u.zRow + ${k}] * u.scale - lses[b * u.M + ${k}])`,
      source: (k, q) => `dy[u.yOffset + (b * u.M + ${k}) * u.yRow + ${q}]`,
      store: (row, q, value) =>
        `dx[u.xOffset + (b * u.N + ${row}) * u.xRow + ${q}] = select(vec4f(), ${value}, ${row} < length);`,
    }),
  workgroups: ({ B, N, D4 }, tuning) => weightedGroups(B, N, D4, tuning),
  sizes: (s) => ({ ...sizes(s), dy: sizes(s).y, dx: sizes(s).x }),
  reference: (s, { z, lengths, lses, dy, dx }) => {
    for (let b = 0; b < s.B; b++)
      for (let n = 0; n < s.N; n++)
        for (let d = 0; d < s.D4 * 4; d++) {
          let sum = 0
          if (n < lengthOf(s, lengths, b))
            for (let m = 0; m < s.M; m++)
              sum += weight(s, { z, lses }, b, n, m) * dy[(s.yOffset + (b * s.M + m) * s.yRow) * 4 + d]!
          dx[(s.xOffset + (b * s.N + n) * s.xRow) * 4 + d] = sum
        }
  },
  cost: ({ B, N, M, D4 }) => ({
    flops: B * N * M * (D4 * 8 + 2),
    bytes: 4 * B * (N * M + N * D4 * 4 + M * D4 * 4 + M),
  }),
  tolerance,
  example: given,
  gradient: { forward: dotCompressionForward, from: { y: 'dy' }, to: { x: 'dx' } },
}

interface LogitsTuning extends RowTuning {
  /** Tokens that an invocation owns; it has 16 logits of each. */
  readonly tokens: number
}

/**
 * An invocation owns tokens and the logits of 16 compressed ones. Rows of dy come by broadcast from the lanes that load
 * them, or from a tile of 16 × 16 vec4 in workgroup memory; y_m · dy_m is summed beside.
 */
function logitsWgsl(tuning: LogitsTuning): string {
  const own = range(tuning.tokens)
  const columns = range(16)
  const lanes = rowLanes(tuning)
  const block = lanes * tuning.tokens
  const subgroup = tuning.kind === 'subgroup'
  const finish = (r: number, m: number, delta: string, lse: string) => /* wgsl */ `
    if (firstColumn + ${m}u < u.M) {
      let at = u.zOffset + (b * u.N + token${r}) * u.zRow + firstColumn + ${m}u;
      let value = u.scale * exponential(z[at] * u.scale - ${lse}) * (gain${r}_${m} - ${delta});
      dz[at] = select(0.0, value, token${r} < length);
    }`
  const store = (delta: (m: number) => string, lse: (m: number) => string) =>
    own
      .map((r) => `if (token${r} < u.N) { ${columns.map((m) => finish(r, m, delta(m), lse(m))).join('')}\n  }`)
      .join('\n  ')
  const bySubgroup = /* wgsl */ `
  let row0 = b * u.M + min(firstColumn + (lane & 7u), u.M - 1u);
  let row1 = b * u.M + min(firstColumn + 8u + (lane & 7u), u.M - 1u);
  var delta0 = 0.0;
  var delta1 = 0.0;
  for (var q = 0u; q < u.D4; q++) {
    ${own.map((r) => `let x${r} = x[x${r}At + q];`).join(' ')}
    let g0 = dy[u.yOffset + row0 * u.yRow + q];
    let g1 = dy[u.yOffset + row1 * u.yRow + q];
    delta0 += dot(g0, y[u.yOffset + row0 * u.yRow + q]);
    delta1 += dot(g1, y[u.yOffset + row1 * u.yRow + q]);
    ${columns.map((m) => `{ let g = subgroupBroadcast(g${Math.floor(m / 8)}, ${m % 8}u); ${own.map((r) => `gain${r}_${m} += dot(x${r}, g);`).join(' ')} }`).join('\n    ')}
  }
  let lse0 = lses[row0];
  let lse1 = lses[row1];
  ${columns.map((m) => `let shared${m} = vec2f(subgroupBroadcast(delta${Math.floor(m / 8)}, ${m % 8}u), subgroupBroadcast(lse${Math.floor(m / 8)}, ${m % 8}u));`).join('\n  ')}
  ${store(
    (m) => `shared${m}.x`,
    (m) => `shared${m}.y`,
  )}`
  const byWorkgroup = /* wgsl */ `
  var part = 0.0;
  for (var q0 = 0u; q0 < u.D4; q0 += 16u) {
    workgroupBarrier();
    for (var e = lane; e < 256u; e += 64u) {
      let row = b * u.M + min(firstColumn + e / 16u, u.M - 1u);
      tile[e] = dy[u.yOffset + row * u.yRow + min(q0 + e % 16u, u.D4 - 1u)];
    }
    workgroupBarrier();
    let row = b * u.M + min(firstColumn + lane / 4u, u.M - 1u);
    for (var q = q0 + lane % 4u; q < min(q0 + 16u, u.D4); q += 4u) {
      part += dot(tile[lane / 4u * 16u + q - q0], y[u.yOffset + row * u.yRow + q]);
    }
    for (var q = q0; q < min(q0 + 16u, u.D4); q++) {
      ${own.map((r) => `let x${r} = x[x${r}At + q];`).join(' ')}
      ${columns.map((m) => `{ let g = tile[${m * 16}u + q - q0]; ${own.map((r) => `gain${r}_${m} += dot(x${r}, g);`).join(' ')} }`).join('\n      ')}
    }
  }
  parts[lane] = part;
  workgroupBarrier();
  ${store(
    (m) => `((parts[${m * 4}] + parts[${m * 4 + 1}]) + (parts[${m * 4 + 2}] + parts[${m * 4 + 3}]))`,
    (m) => `lses[b * u.M + firstColumn + ${m}u]`,
  )}`
  return /* wgsl */ `
${exponentialWgsl}
${subgroup ? '' : 'var<workgroup> tile: array<vec4f, 256>;\nvar<workgroup> parts: array<f32, 64>;'}
${rowMainWgsl(tuning)}
  let tokenTiles = (u.N + ${block - 1}u) / ${block}u;
  let columnTiles = (u.M + 15u) / 16u;
  if (group >= u.B * tokenTiles * columnTiles) { return; }
  let firstColumn = group % columnTiles * 16u;
  let firstToken = group / columnTiles % tokenTiles * ${block}u;
  let b = group / columnTiles / tokenTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  ${own
    .map(
      (r) => /* wgsl */ `
  let token${r} = firstToken + ${r * lanes}u + lane;
  let x${r}At = u.xOffset + (b * u.N + min(token${r}, u.N - 1u)) * u.xRow;
  ${columns.map((m) => `var gain${r}_${m} = 0.0;`).join(' ')}`,
    )
    .join('')}
  ${subgroup ? bySubgroup : byWorkgroup}
}`
}

export const dotCompressionBackwardLogits: Kernel<
  DotCompressionShape,
  'z' | 'x' | 'lengths' | 'lses' | 'y' | 'dy' | 'dz',
  LogitsTuning
> = {
  name: 'dot-compression.backward-logits',
  bindings: {
    ...reads('f32', 'z'),
    ...reads('vec4f', 'x'),
    ...reads('u32', 'lengths'),
    ...reads('f32', 'lses'),
    ...reads('vec4f', 'y', 'dy'),
    ...writes('f32', 'dz'),
  },
  ...dotCompression,
  tunings: [
    { name: 'workgroup-64x16', kind: 'workgroup', tokens: 1 },
    { name: 'subgroup-32x16', kind: 'subgroup', tokens: 4, minSubgroupSize: 8 },
  ],
  wgsl: logitsWgsl,
  workgroups: ({ B, N, M }, tuning) =>
    linearGroups(B * Math.ceil(N / (rowLanes(tuning) * tuning.tokens)) * Math.ceil(M / 16)),
  sizes: (s) => ({ ...sizes(s), dy: sizes(s).y, dz: sizes(s).z }),
  reference: (s, { z, x, lengths, lses, y, dy, dz }) => {
    for (let b = 0; b < s.B; b++)
      for (let n = 0; n < s.N; n++)
        for (let m = 0; m < s.M; m++) {
          const [token, compressed] = [
            (s.xOffset + (b * s.N + n) * s.xRow) * 4,
            (s.yOffset + (b * s.M + m) * s.yRow) * 4,
          ]
          let gain = 0
          let delta = 0
          for (let d = 0; d < s.D4 * 4; d++) {
            gain += x[token + d]! * dy[compressed + d]!
            delta += y[compressed + d]! * dy[compressed + d]!
          }
          dz[s.zOffset + (b * s.N + n) * s.zRow + m] =
            n < lengthOf(s, lengths, b) ? s.scale * weight(s, { z, lses }, b, n, m) * (gain - delta) : 0
        }
  },
  cost: ({ B, N, M, D4 }) => ({
    flops: B * M * (N * (D4 * 8 + 5) + D4 * 8),
    bytes: 4 * B * (2 * N * M + N * D4 * 4 + 2 * M * D4 * 4 + M),
  }),
  tolerance,
  example: given,
  gradient: { forward: dotCompressionForward, from: { y: 'dy' }, to: { z: 'dz' } },
}
