/**
 * Backward of `attention-pool.forward`: dx [R·L, D], the gradient of every token (events past a length are not written),
 * and `partial` [R, (C + 1)·D], each row's share of the gradient of mix and query, to be summed over rows. `dy` lies where
 * y did. With weight w_l and gain g_l = dy · x_l, the gradient by a score is w_l (g_l − ḡ), ḡ = Σ w_l g_l, and so
 * dx_l = w_l dy + slope_l query; a channel's share is a sum of two scalars times dy and query.
 */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { range } from '../wgsl/range.ts'
import { rowLanes } from '../wgsl/row-lanes.ts'
import {
  type AttentionPoolShape,
  attend,
  attentionPool,
  attentionPoolForward,
  type PoolInputs,
  poolBindings,
  poolInputSizes,
  poolOutputSize,
} from './attention-pool.ts'
import {
  eventLoop,
  outsideProducts,
  type PoolTuning,
  poolWgsl,
  products,
  spread,
  sumQuads,
  unlessFew,
  unlessWhole,
} from './attention-pool-wgsl.ts'

/** Score and gain of an event wait for the row's sums in that event's place in dx, which the same lane overwrites. */
function wgsl(tuning: PoolTuning): string {
  const quads = range(tuning.quads)
  const lanes = rowLanes(tuning)
  const recall = (body: string) => /* wgsl */ `
    for (var l = lane; l < length; l += ${lanes}u) {
      let event = row * u.L + l;
      let stored = dx[event * u.D4 + first];
      let weight = exp(stored.x - rowTop) / rowTotal;
      let slope = weight * (stored.y - mean) * root;
      ${body}
    }`
  return poolWgsl(
    tuning,
    /* wgsl */ `
    let dyAt = row * u.yRow + u.yColumn;
    let own = (row * (u.C + 1u)) * u.D4;
    let g_own = select(vec4f(), dy[dyAt + ownQuad], isOwn);
    ${spread(tuning, 'g', 'g_own', 'dy[dyAt + $]')}
    var gainAlong = ${products('g_own')};
    ${unlessWhole(
      tuning,
      `for (var n = lane; n < outside; n += ${lanes}u) {
      let d = column(n, first);
      gainAlong += ${outsideProducts('dy[dyAt + d]')};
    }`,
    )}
    gainAlong = reduceSum4(gainAlong, lane);
    ${quads.map((c) => `var even_${c} = vec4f(); var steep_${c} = vec4f();`).join(' ')}
    var evenShares = vec4f();
    var steepShares = vec4f();
    var top = -3.4e38;
    var total = 0.0;
    var gains = 0.0;
    ${eventLoop(
      tuning,
      'var gain = 0.0;',
      'gain += dot(dy[dyAt + d], x);',
      /* wgsl */ `
      gain += dot(shares, gainAlong) + sum4(${quads.map((c) => `g_${c} * t_${c}`).join(' + ')});
      let next = select(top, score, counts && score > top);
      let shrink = exp(top - next);
      let power = select(0.0, exp(score - next), counts);
      let steep = power * gain;
      total = total * shrink + power;
      gains = gains * shrink + steep;
      evenShares = evenShares * shrink + power * shares;
      steepShares = steepShares * shrink + steep * shares;
      ${quads.map((c) => `even_${c} = even_${c} * shrink + power * t_${c}; steep_${c} = steep_${c} * shrink + steep * t_${c};`).join('\n      ')}
      top = next;
      if (counts) { dx[event * u.D4 + first] = vec4f(score, gain, 0.0, 0.0); }`,
    )}
    let rowTop = reduceMax(top, lane);
    let portion = exp(top - rowTop);
    let scalars = reduceSum4(vec4f(total, gains, 0.0, 0.0) * portion, lane);
    let rowTotal = scalars.x;
    let mean = scalars.y / rowTotal;
    ${sumQuads(
      tuning,
      'sum',
      quads.map((c) => `(steep_${c} - mean * even_${c}) * portion`),
      ['(steepShares - mean * evenShares) * portion', 'evenShares * portion'],
    )}
    let slopes = sum_0 * root / rowTotal;
    let weights = sum_1 / rowTotal;
    if (isOwn) {
      let live = length > 0u;
      let byToken = sum_own * root / rowTotal;
      let byQuery = byToken + slopes[0] * mix_0 + slopes[1] * mix_1 + slopes[2] * mix_2 + slopes[3] * mix_3;
      partial[own + u.C * u.D4 + first + lane] = select(vec4f(), byQuery, live);
      ${range(4)
        .map(
          (i) =>
            `if (${i}u < u.C) { partial[own + ${i}u * u.D4 + first + lane] = select(vec4f(), weights[${i}] * g_own + slopes[${i}] * q_own, live); }`,
        )
        .join('\n      ')}
    }
    ${unlessFew(
      tuning,
      `for (var c = 4u; c < u.C; c++) {
      var sums = vec2f();
      ${recall('sums += vec2f(weight, slope) * channels[event * u.C + c];')}
      let byWeight = reduceSum(sums.x, lane);
      let bySlope = reduceSum(sums.y, lane);
      if (isOwn) { partial[own + c * u.D4 + first + lane] = byWeight * g_own + bySlope * q_own; }
    }`,
    )}
    ${recall(quads.map((c) => `if (first + ${c}u < u.D4) { dx[event * u.D4 + first + ${c}u] = weight * g_${c} + slope * q_${c}; }`).join('\n      '))}`,
  )
}

const partialSize = ({ R, C, D4 }: AttentionPoolShape): number => R * (C + 1) * D4

export const attentionPoolBackward: Kernel<AttentionPoolShape, PoolInputs | 'dy' | 'dx' | 'partial', PoolTuning> = {
  name: 'attention-pool.backward',
  bindings: { ...poolBindings, ...reads('vec4f', 'dy'), ...writes('vec4f', 'dx', 'partial') },
  ...attentionPool,
  wgsl,
  sizes: (s) => ({ ...poolInputSizes(s), dy: poolOutputSize(s), dx: s.R * s.L * s.D4, partial: partialSize(s) }),
  reference: (s, arrays) => {
    const { dy, dx, partial, parameters, channels } = arrays
    const D = s.D4 * 4
    partial.fill(0)
    for (let r = 0; r < s.R; r++) {
      const { tokens, weights } = attend(s, arrays, r)
      const g = Float64Array.from({ length: D }, (_, d) => dy[(r * s.yRow + s.yColumn) * 4 + d]!)
      const gains = tokens.map((t) => t.reduce((sum, v, d) => sum + v * g[d]!, 0))
      const mean = gains.reduce((sum, gain, l) => sum + weights[l]! * gain, 0)
      for (const [l, token] of tokens.entries()) {
        const dScore = weights[l]! * (gains[l]! - mean)
        const event = r * s.L + l
        for (let d = 0; d < D; d++) {
          const query = parameters[s.pOffset * 4 + s.C * D + d]!
          const gradient = weights[l]! * g[d]! + (dScore * query) / Math.sqrt(D)
          dx[event * D + d] = gradient
          const own = r * (s.C + 1) * D
          for (let c = 0; c < s.C; c++)
            partial[own + c * D + d] = partial[own + c * D + d]! + channels[event * s.C + c]! * gradient
          partial[own + s.C * D + d] = partial[own + s.C * D + d]! + (dScore * token[d]!) / Math.sqrt(D)
        }
      }
    }
  },
  cost: ({ R, L, C, D4 }) => ({
    flops: R * L * (D4 * 40 + C * 12),
    bytes: 4 * R * (L * (D4 * 8 + C + 1) + D4 * 4 * (C + 2) + 1),
  }),
  tolerance: ({ L }) => ({ absolute: 1e-5 + 3e-7 * L, relative: 2e-5 }),
  gradient: {
    forward: attentionPoolForward,
    from: { y: 'dy' },
    to: {
      table: ({ R, L, D4, V }, { dx, ids, lengths }) => {
        const D = D4 * 4
        const table = new Float64Array(V * D)
        for (let r = 0; r < R; r++)
          for (let l = 0; l < lengths[r]!; l++)
            for (let d = 0; d < D; d++) table[ids[r * L + l]! * D + d]! += dx[(r * L + l) * D + d]!
        return table
      },
      parameters: (s, { partial }) => {
        const parameters = new Float64Array(poolInputSizes(s).parameters * 4)
        const width = (s.C + 1) * s.D4 * 4
        for (const [i, value] of partial.entries()) parameters[s.pOffset * 4 + (i % width)]! += value
        return parameters
      },
    },
  },
}
