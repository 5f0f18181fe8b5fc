/**
 * C[M,N] = epilogue(A[M,K] · B[K,N]). A is read by two strides, so Aᵀ costs nothing; B and C are rows of vec4.
 * Epilogue, each part optional: + bias, + what C held, ReLU, inverted dropout. Offsets and A's strides count
 * floats, those of B and C count vec4. Columns beyond N, up to the next multiple of 4, must be zero in B.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { padded, uniform } from '../case-arrays.ts'
import { hashWgsl } from '../wgsl/hash.ts'
import { matmulReference } from './reference.ts'

export type MatmulShape = {
  M: number
  N: number
  K: number
  aOffset: number
  aRow: number
  aCol: number
  bOffset: number
  bRow: number
  biasOffset: number
  cOffset: number
  cRow: number
  hasBias: 0 | 1
  accumulate: 0 | 1
  relu: 0 | 1
  /** Probability that an output is dropped; the others are scaled by 1 / (1 − dropout). */
  dropout: number
  /** Tells the dropouts of one step apart. */
  site: number
}

export type MatmulBinding = 'a' | 'b' | 'bias' | 'step' | 'c'

export interface MatmulTuning extends Tuning {
  readonly kind: 'register' | 'subgroup'
  /** Rows and columns of C a workgroup computes. */
  readonly tileRows: number
  readonly tileColumns: number
}

const epilogueWgsl = /* wgsl */ `
${hashWgsl}
fn keep(row: u32, col: u32) -> f32 {
  let random = f32(hash(hash(hash(step[0]) ^ u.site) + row * u.cRow * 4u + col) >> 8u) / 16777216.0;
  return select(0.0, 1.0 / (1.0 - u.dropout), random >= u.dropout);
}
fn finish(row: u32, col4: u32, sum: vec4f) {
  if (row >= u.M || col4 * 4u >= u.N) { return; }
  var value = sum;
  if (u.hasBias == 1u) { value += bias[u.biasOffset + col4]; }
  let index = u.cOffset + row * u.cRow + col4;
  if (u.accumulate == 1u) { value += c[index]; }
  // Not max(), which may turn NaN into 0 and hide it.
  if (u.relu == 1u) { value = select(value, vec4f(), value < vec4f()); }
  if (u.dropout > 0.0) {
    let col = col4 * 4u;
    value *= vec4f(keep(row, col), keep(row, col + 1u), keep(row, col + 2u), keep(row, col + 3u));
  }
  c[index] = value;
}
`

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** Each invocation keeps 8 rows × 2 vec4 columns in registers; no workgroup memory, no subgroups. */
function registerWgsl(): string {
  const rows = range(8)
  return /* wgsl */ `
${epilogueWgsl}
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * 8u;
  let col0 = id.x * 2u;
  let last = (u.N + 3u) / 4u - 1u;
  let b0 = u.bOffset + min(col0, last);
  let b1 = u.bOffset + min(col0 + 1u, last);
  ${rows.map((r) => `let a${r} = u.aOffset + min(row + ${r}u, u.M - 1u) * u.aRow; var s${r} = vec4f(); var t${r} = vec4f();`).join('\n  ')}
  for (var k = 0u; k < u.K; k++) {
    let x = b[b0 + k * u.bRow];
    let y = b[b1 + k * u.bRow];
    ${rows.map((r) => `{ let v = a[a${r} + k * u.aCol]; s${r} += v * x; t${r} += v * y; }`).join('\n    ')}
  }
  ${rows.map((r) => `finish(row + ${r}u, col0, s${r}); finish(row + ${r}u, col0 + 1u, t${r});`).join('\n  ')}
}`
}

/** One subgroup computes 16 × 64: a lane loads two values of A, shares them by broadcast, and owns 2 vec4 columns. */
function subgroupWgsl(): string {
  const lanes = range(8)
  return /* wgsl */ `
${epilogueWgsl}
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = group.y * 16u;
  let col0 = group.x * 16u + lane;
  let col1 = col0 + 8u;
  let last = (u.N + 3u) / 4u - 1u;
  let a0 = u.aOffset + min(row + lane, u.M - 1u) * u.aRow;
  let a1 = u.aOffset + min(row + 8u + lane, u.M - 1u) * u.aRow;
  let b0 = u.bOffset + min(col0, last);
  let b1 = u.bOffset + min(col1, last);
  ${range(16)
    .map((r) => `var s${r} = vec4f(); var t${r} = vec4f();`)
    .join('\n  ')}
  for (var k = 0u; k < u.K; k++) {
    let p = a[a0 + k * u.aCol];
    let q = a[a1 + k * u.aCol];
    let x = b[b0 + k * u.bRow];
    let y = b[b1 + k * u.bRow];
    ${lanes.map((l) => `{ let v = subgroupBroadcast(p, ${l}u); s${l} += v * x; t${l} += v * y; }`).join('\n    ')}
    ${lanes.map((l) => `{ let v = subgroupBroadcast(q, ${l}u); s${l + 8} += v * x; t${l + 8} += v * y; }`).join('\n    ')}
  }
  ${range(16)
    .map((r) => `finish(row + ${r}u, col0, s${r}); finish(row + ${r}u, col1, t${r});`)
    .join('\n  ')}
}`
}

/** A dense case: A, B and C without gaps, rows padded to vec4. */
function dense(M: number, N: number, K: number, extra: Partial<MatmulShape> = {}): MatmulShape {
  return {
    M,
    N,
    K,
    aOffset: 0,
    aRow: padded(K),
    aCol: 1,
    bOffset: 0,
    bRow: padded(N) / 4,
    biasOffset: 0,
    cOffset: 0,
    cRow: padded(N) / 4,
    hasBias: 0,
    accumulate: 0,
    relu: 0,
    dropout: 0,
    site: 0,
    ...extra,
  }
}

export const matmul: Kernel<MatmulShape, MatmulBinding, MatmulTuning> = {
  name: 'matmul',
  bindings: {
    a: { type: 'f32', access: 'read' },
    b: { type: 'vec4f', access: 'read' },
    bias: { type: 'vec4f', access: 'read' },
    step: { type: 'u32', access: 'read' },
    c: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: {
    M: 'u32',
    N: 'u32',
    K: 'u32',
    aOffset: 'u32',
    aRow: 'u32',
    aCol: 'u32',
    bOffset: 'u32',
    bRow: 'u32',
    biasOffset: 'u32',
    cOffset: 'u32',
    cRow: 'u32',
    hasBias: 'u32',
    accumulate: 'u32',
    relu: 'u32',
    dropout: 'f32',
    site: 'u32',
  },
  tunings: [
    { name: 'register-8x8', kind: 'register', tileRows: 64, tileColumns: 64 },
    {
      name: 'subgroup-16x64',
      kind: 'subgroup',
      tileRows: 16,
      tileColumns: 64,
      needs: { features: ['subgroups'], minSubgroupSize: 8 },
    },
  ],
  wgsl: (tuning) => (tuning.kind === 'subgroup' ? subgroupWgsl() : registerWgsl()),
  workgroups: ({ M, N }, tuning) => [Math.ceil(N / tuning.tileColumns), Math.ceil(M / tuning.tileRows), 1],
  reference: matmulReference,
  cost: ({ M, N, K }) => ({ flops: 2 * M * N * K, bytes: 4 * (M * K + K * N + M * N) }),
  tolerance: ({ K }) => ({ absolute: 1e-6 * (4 + K / 8), relative: 1e-5 }),
  cases: [
    dense(1, 1, 1),
    dense(16, 64, 32),
    dense(17, 65, 33, { hasBias: 1 }),
    dense(15, 63, 31, { relu: 1 }),
    dense(67, 5, 96, { hasBias: 1, relu: 1 }),
    dense(40, 64, 128, { hasBias: 1, relu: 1, dropout: 0.3, site: 7 }),
    dense(33, 192, 64, { accumulate: 1, hasBias: 1 }),
    // Aᵀ by strides: A is stored [K, M]
    dense(37, 24, 129, { aRow: 1, aCol: 40 }),
    // slices of wider tensors
    dense(19, 20, 12, { aOffset: 4, aRow: 28, bOffset: 2, bRow: 9, biasOffset: 3, cOffset: 1, cRow: 8, hasBias: 1 }),
  ],
  example: (s, random) => {
    const b = uniform((s.bOffset + s.K * s.bRow) * 4, random)
    const bias = uniform((s.biasOffset + padded(s.N) / 4) * 4, random)
    // B and bias are zero in the columns that pad N
    for (let n = s.N; n < padded(s.N); n++) {
      for (let k = 0; k < s.K; k++) b[(s.bOffset + k * s.bRow) * 4 + n] = 0
      bias[s.biasOffset * 4 + n] = 0
    }
    return {
      a: uniform(s.aOffset + s.M * s.aRow + s.K * s.aCol, random),
      b,
      bias,
      step: Uint32Array.of(12345),
      c: uniform((s.cOffset + s.M * s.cRow) * 4, random),
    }
  },
}
