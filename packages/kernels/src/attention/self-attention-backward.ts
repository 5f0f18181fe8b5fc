/**
 * Backward of `attention.forward`, from its saved y and `lses`, in two kernels. With P the weights of the forward and
 * δ_i = dy_i · y_i, the gradient by a score is P_ij (dy_i · v_j − δ_i):
 * - `attention.backward-query` owns queries: it writes dq into `dqkv` and δ into `deltas` [B, H, L];
 * - `attention.backward-key-value` owns keys: it reads `deltas` and writes dk and dv into `dqkv`.
 * `dqkv` lies like `qkv`, `dy` like `y`. Places beyond a length get zeros.
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { range } from '../wgsl/range.ts'
import { attentionForward } from './self-attention.ts'
import {
  selfAttentionForwardReference,
  selfAttentionKeyValueReference,
  selfAttentionQueryReference,
} from './self-attention-reference.ts'
import {
  example,
  pairs,
  qkvSize,
  type SelfAttentionShape,
  selfAttention,
  statisticsSize,
  ySize,
} from './self-attention-shape.ts'
import {
  loadOwn,
  outsideSums,
  overKeys,
  ownQuery,
  parts,
  product,
  type SelfAttentionTuning,
  selfAttentionWgsl,
  storeOwn,
  zeros,
} from './self-attention-wgsl.ts'

/** Adds `factor` times a partner row to an owned gradient, where the pair is seen: 0 · NaN must not get through. */
const add = (to: string, factor: string, from: string, width: number): string =>
  parts(to, width)
    .map((part, c) => `${part} = select(${part}, ${part} + ${factor} * ${from}_${c}, seen);`)
    .join(' ')

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
  return selfAttentionWgsl(tuning, {
    ...overKeys,
    own: (r) => /* wgsl */ `${ownQuery(r, width)}
  let gAt${r} = gAt + place${r} * u.yRow;
  ${loadOwn(`g${r}`, 'dy', `gAt${r}`, width)}
  ${zeros(`dq${r}`, width)}
  let lse${r} = lses[scalarsAt + place${r}];
  var delta${r} = 0.0;
  {
    ${loadOwn('out', 'y', `gAt${r}`, width)}
    delta${r} = ${product(`g${r}`, 'out', width)};
    for (var n = 0u; n < outside; n++) { let d = column(n, first); delta${r} += dy[gAt${r} + d] * y[gAt${r} + d]; }
  }`,
    body: /* wgsl */ `${outsideSums(rows, { score: ['q', 'k'], gain: ['g', 'v'] })}
    ${step.join('\n    ')}`,
    store: (r) => /* wgsl */ `${storeOwn('dqkv', `qAt${r}`, width, (c) => `select(vec4f(), dq${r}_${c} * scale, live)`)}
    if (first == 0u) { deltas[scalarsAt + own${r}] = select(0.0, delta${r}, live); }`,
  })
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
  return selfAttentionWgsl(tuning, {
    own: (r) => /* wgsl */ `
  let kAt${r} = kAt + place${r} * u.row;
  let vAt${r} = vAt + place${r} * u.row;
  ${loadOwn(`k${r}`, 'qkv', `kAt${r}`, width)}
  ${loadOwn(`v${r}`, 'qkv', `vAt${r}`, width)}
  ${zeros(`dk${r}`, width)} ${zeros(`dv${r}`, width)}`,
    from: 'select(0u, start, u.causal == 1u)',
    to: 'select(length, 0u, start >= length)',
    partners: ['q', 'g'],
    scalars: ['lse', 'delta'],
    body: /* wgsl */ `${outsideSums(rows, { score: ['k', 'q'], gain: ['v', 'g'] })}
    ${step.join('\n    ')}`,
    store: (r) => /* wgsl */ `${storeOwn('dqkv', `kAt${r}`, width, (c) => `select(vec4f(), dk${r}_${c} * scale, live)`)}
    ${storeOwn('dqkv', `vAt${r}`, width, (c) => `select(vec4f(), dv${r}_${c}, live)`)}`,
  })
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

export const attentionBackwardQuery: Kernel<
  SelfAttentionShape,
  'qkv' | 'lengths' | 'lses' | 'y' | 'dy' | 'dqkv' | 'deltas',
  SelfAttentionTuning
> = {
  name: 'attention.backward-query',
  bindings: {
    ...reads('f32', 'qkv'),
    ...reads('u32', 'lengths'),
    ...reads('f32', 'lses', 'y', 'dy'),
    ...writes('f32', 'dqkv', 'deltas'),
  },
  ...selfAttention,
  wgsl: queryWgsl,
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
    ...reads('f32', 'qkv'),
    ...reads('u32', 'lengths'),
    ...reads('f32', 'lses', 'deltas', 'dy'),
    ...writes('f32', 'dqkv'),
  },
  ...selfAttention,
  wgsl: keyValueWgsl,
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
  example: given,
  gradient,
}
