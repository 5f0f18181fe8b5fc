/**
 * Backward of `attention.forward`, from its saved y and `lses`, in two kernels. With P the weights of the forward and
 * δ_i = dy_i · y_i, the gradient by a score is P_ij (dy_i · v_j − δ_i):
 * - `attention.backward-query` owns queries: it writes dq into `dqkv` and δ into `deltas` [B, H, L];
 * - `attention.backward-key-value` owns keys: it reads `deltas` and writes dk and dv into `dqkv`.
 * `dqkv` lies like `qkv`, `dy` like `y`. Places beyond a length get zeros.
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { rowLanes } from './reduce.ts'
import { attentionForward, workgroupsOf } from './self-attention.ts'
import {
  selfAttentionForwardReference,
  selfAttentionKeyValueReference,
  selfAttentionQueryReference,
} from './self-attention-reference.ts'
import {
  benchmarks,
  bucket,
  cases,
  draw,
  example,
  pairs,
  qkvSize,
  type SelfAttentionShape,
  statisticsSize,
  uniforms,
  ySize,
} from './self-attention-shape.ts'
import {
  blockOf,
  loadOwn,
  mainWgsl,
  partnerLoop,
  parts,
  product,
  range,
  type SelfAttentionTuning,
  storeOwn,
  selfAttentionTunings as tunings,
} from './self-attention-wgsl.ts'

const zeros = (names: readonly string[]): string => names.map((name) => `var ${name} = vec4f();`).join(' ')

/** Adds `factor` times a partner row to an owned gradient, where the pair is seen: 0 · NaN must not get through. */
const add = (to: string, factor: string, from: string, width: number): string =>
  parts(to, width)
    .map((part, c) => `${part} = select(${part}, ${part} + ${factor} * ${from}_${c}, seen);`)
    .join(' ')

const ownIndices = (tuning: SelfAttentionTuning): string =>
  range(tuning.rows)
    .map((r) => `let own${r} = start + ${r * rowLanes(tuning)}u + lane; let place${r} = min(own${r}, u.L - 1u);`)
    .join('\n  ')

/** Sums over the columns outside the chunk, of the owned rows `a`, `b` with the partner rows at `x`, `y`. */
function outsideSums(
  rows: readonly number[],
  a: (row: number) => string,
  b: (row: number) => string,
  x: string,
  y: string,
): string {
  return /* wgsl */ `
    ${rows.map((r) => `var score${r} = 0.0; var gain${r} = 0.0;`).join(' ')}
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      let p = ${x};
      let q = ${y};
      ${rows.map((r) => `score${r} += p * ${a(r)}; gain${r} += q * ${b(r)};`).join('\n      ')}
    }`
}

function queryWgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const step = rows.map(
    (r) => /* wgsl */ `{
      let seen = j <= last${r};
      let power = exp((${product(`q${r}`, 'k', width)} + score${r}) * scale - lse${r});
      let slope = power * (${product(`g${r}`, 'v', width)} + gain${r} - delta${r});
      ${add(`dq${r}`, 'slope', 'k', width)}
    }`,
  )
  return mainWgsl(
    tuning,
    /* wgsl */ `
  let scale = inverseSqrt(f32(u.D));
  let kAt = u.kOffset + headAt;
  let vAt = u.vOffset + headAt;
  ${ownIndices(tuning)}
  ${rows
    .map(
      (r) => /* wgsl */ `
  let last${r} = select(u.L, own${r}, u.causal == 1u);
  let qAt${r} = headAt + u.qOffset + place${r} * u.row;
  let gAt${r} = dyAt + place${r} * u.yRow;
  ${loadOwn(`q${r}`, 'qkv', `qAt${r}`, width)}
  ${loadOwn(`g${r}`, 'dy', `gAt${r}`, width)}
  ${zeros(parts(`dq${r}`, width))}
  let lse${r} = lses[(b * u.H + h) * u.L + place${r}];
  var delta${r} = 0.0;
  {
    ${loadOwn('out', 'y', `gAt${r}`, width)}
    delta${r} = ${product(`g${r}`, 'out', width)};
    for (var n = 0u; n < outside; n++) { let d = column(n, first); delta${r} += dy[gAt${r} + d] * y[gAt${r} + d]; }
  }`,
    )
    .join('')}
  let keys = select(select(length, min(length, start + ${blockOf(tuning)}u), u.causal == 1u), 0u, start >= length);
  ${partnerLoop(
    tuning,
    '0u',
    'keys',
    [
      { name: 'k', buffer: 'qkv', base: 'kAt', stride: 'u.row' },
      { name: 'v', buffer: 'qkv', base: 'vAt', stride: 'u.row' },
    ],
    [],
    `${outsideSums(
      rows,
      (r) => `qkv[qAt${r} + d]`,
      (r) => `dy[gAt${r} + d]`,
      'qkv[kAt + j * u.row + d]',
      'qkv[vAt + j * u.row + d]',
    )}
    ${step.join('\n    ')}`,
  )}
  ${rows
    .map(
      (r) => /* wgsl */ `if (own${r} < u.L) {
    let live = own${r} < length;
    ${storeOwn('dqkv', `qAt${r}`, width, (c) => `select(vec4f(), dq${r}_${c} * scale, live)`)}
    if (first == 0u) { deltas[(b * u.H + h) * u.L + own${r}] = select(0.0, delta${r}, live); }
  }`,
    )
    .join('\n  ')}`,
  )
}

function keyValueWgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const step = rows.map(
    (r) => /* wgsl */ `{
      let seen = u.causal == 0u || j >= own${r};
      let power = exp((${product(`k${r}`, 'q', width)} + score${r}) * scale - lse);
      let slope = power * (${product(`v${r}`, 'g', width)} + gain${r} - delta);
      ${add(`dv${r}`, 'power', 'g', width)}
      ${add(`dk${r}`, 'slope', 'q', width)}
    }`,
  )
  return mainWgsl(
    tuning,
    /* wgsl */ `
  let scale = inverseSqrt(f32(u.D));
  let qAt = u.qOffset + headAt;
  let scalarsAt = (b * u.H + h) * u.L;
  ${ownIndices(tuning)}
  ${rows
    .map(
      (r) => /* wgsl */ `
  let kAt${r} = headAt + u.kOffset + place${r} * u.row;
  let vAt${r} = headAt + u.vOffset + place${r} * u.row;
  ${loadOwn(`k${r}`, 'qkv', `kAt${r}`, width)}
  ${loadOwn(`v${r}`, 'qkv', `vAt${r}`, width)}
  ${zeros([...parts(`dk${r}`, width), ...parts(`dv${r}`, width)])}`,
    )
    .join('')}
  let earliest = select(0u, start, u.causal == 1u);
  let queries = select(length, 0u, start >= length);
  ${partnerLoop(
    tuning,
    'earliest',
    'queries',
    [
      { name: 'q', buffer: 'qkv', base: 'qAt', stride: 'u.row' },
      { name: 'g', buffer: 'dy', base: 'dyAt', stride: 'u.yRow' },
    ],
    [
      { name: 'lse', base: 'scalarsAt' },
      { name: 'delta', base: 'scalarsAt' },
    ],
    `${outsideSums(
      rows,
      (r) => `qkv[kAt${r} + d]`,
      (r) => `qkv[vAt${r} + d]`,
      'qkv[qAt + j * u.row + d]',
      'dy[dyAt + j * u.yRow + d]',
    )}
    ${step.join('\n    ')}`,
  )}
  ${rows
    .map(
      (r) => /* wgsl */ `if (own${r} < u.L) {
    let live = own${r} < length;
    ${storeOwn('dqkv', `kAt${r}`, width, (c) => `select(vec4f(), dk${r}_${c} * scale, live)`)}
    ${storeOwn('dqkv', `vAt${r}`, width, (c) => `select(vec4f(), dv${r}_${c}, live)`)}
  }`,
    )
    .join('\n  ')}`,
  )
}

/** Both kernels' shares of the gradient by qkv, for the gradient check. */
function wholeGradient(s: SelfAttentionShape, given: ReferenceArrays): Float64Array {
  const { qkv, lengths, dy } = given as ReferenceArrays<'qkv' | 'lengths' | 'dy'>
  const statistics = () => new Float64Array(statisticsSize(s))
  const saved = { qkv, lengths, y: new Float64Array(ySize(s)), lses: statistics() }
  selfAttentionForwardReference(s, saved)
  const arrays = { ...saved, dy, deltas: statistics(), dqkv: new Float64Array(qkv.length) }
  selfAttentionQueryReference(s, arrays)
  selfAttentionKeyValueReference(s, arrays)
  return arrays.dqkv
}

const gradient = { forward: attentionForward, from: { y: 'dy' }, to: { qkv: wholeGradient } } as const

/** What both kernels read, at the scale of what the forward gives. */
const given = (s: SelfAttentionShape, random: () => number) => ({
  ...example(s, random),
  lses: uniform(statisticsSize(s), random).map((x) => 4 + x),
})

const tolerance = ({ L }: SelfAttentionShape) => ({ absolute: 1e-5 + 1e-7 * L, relative: 2e-5 })

const read = { type: 'f32', access: 'read' } as const
const written = { type: 'f32', access: 'read_write' } as const

export const attentionBackwardQuery: Kernel<
  SelfAttentionShape,
  'qkv' | 'lengths' | 'lses' | 'y' | 'dy' | 'dqkv' | 'deltas',
  SelfAttentionTuning
> = {
  name: 'attention.backward-query',
  bindings: {
    qkv: read,
    lengths: { type: 'u32', access: 'read' },
    lses: read,
    y: read,
    dy: read,
    dqkv: written,
    deltas: written,
  },
  uniforms,
  tunings,
  bucket,
  wgsl: queryWgsl,
  workgroups: workgroupsOf,
  sizes: (s) => ({
    qkv: qkvSize(s),
    lengths: s.B,
    lses: statisticsSize(s),
    y: ySize(s),
    dy: ySize(s),
    dqkv: qkvSize(s),
    deltas: statisticsSize(s),
  }),
  reference: selfAttentionQueryReference,
  cost: (s) => ({ flops: pairs(s) * s.D * 6, bytes: 4 * s.B * s.L * s.H * (6 * s.D + 2) }),
  tolerance,
  cases,
  draw,
  benchmarks,
  example: given,
  gradient,
}

export const attentionBackwardKeyValue: Kernel<
  SelfAttentionShape,
  'qkv' | 'lengths' | 'lses' | 'deltas' | 'dy' | 'dqkv',
  SelfAttentionTuning
> = {
  name: 'attention.backward-key-value',
  bindings: {
    qkv: read,
    lengths: { type: 'u32', access: 'read' },
    lses: read,
    deltas: read,
    dy: read,
    dqkv: written,
  },
  uniforms,
  tunings,
  bucket,
  wgsl: keyValueWgsl,
  workgroups: workgroupsOf,
  sizes: (s) => ({
    qkv: qkvSize(s),
    lengths: s.B,
    lses: statisticsSize(s),
    deltas: statisticsSize(s),
    dy: ySize(s),
    dqkv: qkvSize(s),
  }),
  reference: selfAttentionKeyValueReference,
  cost: (s) => ({ flops: pairs(s) * s.D * 8, bytes: 4 * s.B * s.L * s.H * (6 * s.D + 2) }),
  tolerance,
  cases,
  draw,
  benchmarks,
  example: given,
  gradient,
}
