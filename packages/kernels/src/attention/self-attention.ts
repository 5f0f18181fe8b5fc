/**
 * Multi-head self-attention over B sequences of up to L places (Vaswani et al. 2017): for each head
 * y_i = Σ_j softmax_j(q_i · k_j / √D) v_j over the keys j < lengths[b], with `causal` only those j ≤ i. Places beyond a
 * length give zeros. The matrix of scores is never stored: the softmax is online (Milakov & Gimelshein 2018), in the way
 * of flash attention (Dao et al. 2022), and `lses` [B, H, L] keeps log Σ_j exp(score) for the backward kernels.
 * Shape letters: B sequences, L places, H heads, D columns of a head. Offsets and strides count floats; queries, keys
 * and values lie in one buffer `qkv`, side by side in rows of a fused projection or one after the other.
 */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { range } from '../wgsl/range.ts'
import { selfAttentionForwardReference } from './self-attention-reference.ts'
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

function wgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const step = rows.map((r) => {
    const sums = parts(`y${r}`, width).map((y, c) => `${y} = select(${y}, ${y} * shrink + power * v_${c}, seen);`)
    return /* wgsl */ `{
      let seen = j <= last${r};
      let score = (${product(`q${r}`, 'k', width)} + far${r}) * scale;
      let top = select(top${r}, score, seen && score > top${r});
      let shrink = exp(top${r} - top);
      let power = select(0.0, exp(score - top), seen);
      total${r} = total${r} * shrink + power;
      ${sums.join(' ')}
      top${r} = top;
    }`
  })
  return selfAttentionWgsl(tuning, {
    ...overKeys,
    own: (r) => /* wgsl */ `${ownQuery(r, width)}
  var top${r} = -3.4e38;
  var total${r} = 0.0;
  ${zeros(`y${r}`, width)}`,
    body: /* wgsl */ `${outsideSums(rows, { far: ['q', 'k'] })}
    ${step.join('\n    ')}`,
    store: (r) => /* wgsl */ `let yAt = gAt + own${r} * u.yRow;
    ${storeOwn('y', 'yAt', width, (c) => `select(vec4f(), y${r}_${c} / total${r}, live)`)}
    if (first == 0u) { lses[scalarsAt + own${r}] = select(0.0, top${r} + log(total${r}), live); }`,
  })
}

export const attentionForward: Kernel<SelfAttentionShape, 'qkv' | 'lengths' | 'y' | 'lses', SelfAttentionTuning> = {
  name: 'attention.forward',
  bindings: { ...reads('f32', 'qkv'), ...reads('u32', 'lengths'), ...writes('f32', 'y', 'lses') },
  ...selfAttention,
  wgsl,
  sizes: (s) => ({ qkv: qkvSize(s), lengths: s.B, y: ySize(s), lses: statisticsSize(s) }),
  reference: selfAttentionForwardReference,
  cost: (s) => ({ flops: pairs(s) * s.D * 4, bytes: 4 * s.B * s.L * s.H * (4 * s.D + 1) }),
  tolerance: () => ({ absolute: 1e-5, relative: 1e-5 }),
  example,
}
