/**
 * Dot compression, Y = softmax(Z)ᵀ X: N tokens of a sequence become M, each a weighted mean of the tokens whose weights
 * are the softmax over n of a column of logits, y_m = Σ_n softmax_n(scale · z_nm) x_n (the user pyramid of SUM, Zhang et
 * al. 2023, has the logits from an MLP of X). With logits x_n · query_m and scale 1/√D it is attention pooling with M
 * queries. `lses` [B, M] keeps log Σ_n exp(scale · z_nm) for the backward kernels. Where `masked` is 1 only the first
 * lengths[b] tokens count, and a sequence of none gives zeros; where it is 0 `lengths` is not read.
 * Shape letters: B sequences, N tokens, M compressed tokens, D4 vec4 of a token. Row b·N + n of Z and X, row b·M + m of Y;
 * offset and stride of Z count floats, those of X and Y vec4.
 */
import type { Kernel } from '@headwater/gpu'
import { reads, writes } from '../wgsl/bindings.ts'
import { exponentialWgsl } from '../wgsl/exponential.ts'
import { range } from '../wgsl/range.ts'
import { type DotCompressionShape, dotCompression, example, lengthOf, sizes } from './dot-compression-shape.ts'
import {
  type WeightedTuning,
  weightedGroups,
  weightedRowsWgsl,
  weightedSubgroup,
  weightedWorkgroup,
} from './weighted-rows.ts'

const logit = (row: string, k: string): string => `z[zAt + ${k} * u.zRow + ${row}] * u.scale`

/** Online log Σ exp of the logits of compressed token `row` over every `step`-th token from `begin`. */
const statistics = (name: string, row: string, begin: string, step: string): string => /* wgsl */ `
  var top${name} = -3.4e38;
  var total${name} = 0.0;
  for (var n = ${begin}; n < length; n += ${step}) {
    let value = ${logit(row, 'n')};
    let next = select(top${name}, value, value > top${name});
    total${name} = total${name} * exp(top${name} - next) + exponential(value - next);
    top${name} = next;
  }`

function wgsl(tuning: WeightedTuning): string {
  const own = range(tuning.rows / 8)
  const subgroup = tuning.kind === 'subgroup'
  const at = 'let zAt = u.zOffset + b * u.N * u.zRow;'
  // In the workgroup kind four invocations share a row.
  const together = /* wgsl */ `
  let statisticsRow = min(firstRow + lane % 16u, rows - 1u);
  ${statistics('', 'statisticsRow', 'lane / 16u', '4u')}
  tile_statistics[lane] = vec2f(top, total);
  workgroupBarrier();
  if (lane < 16u) {
    let a = array<vec2f, 4>(tile_statistics[lane], tile_statistics[lane + 16u], tile_statistics[lane + 32u], tile_statistics[lane + 48u]);
    let rowTop = max(max(a[0].x, a[1].x), max(a[2].x, a[3].x));
    let rowTotal = a[0].y * exp(a[0].x - rowTop) + a[1].y * exp(a[1].x - rowTop) + a[2].y * exp(a[2].x - rowTop) + a[3].y * exp(a[3].x - rowTop);
    tile_lses[lane] = select(0.0, rowTop + logarithm(rowTotal), length > 0u);
    if (firstQuad == 0u && firstRow + lane < rows) { lses[b * u.M + firstRow + lane] = tile_lses[lane]; }
  }`
  const alone = own.map(
    (t) => `${statistics(`${t}`, `row${t}`, '0u', '1u')}
  let lse${t} = select(0.0, top${t} + logarithm(total${t}), length > 0u);
  if (firstQuad == 0u && firstRow + ${t * 8}u + lane < rows) { lses[b * u.M + row${t}] = lse${t}; }`,
  )
  return weightedRowsWgsl(tuning, {
    rows: 'u.M',
    count: 'length',
    declarations: subgroup
      ? exponentialWgsl
      : `${exponentialWgsl}var<workgroup> tile_statistics: array<vec2f, 64>;\nvar<workgroup> tile_lses: array<f32, 16>;`,
    prologue: `${at}\n  ${subgroup ? alone.join('\n  ') : together}`,
    weight: (row, k, t) => `exponential(${logit(row, k)} - ${t === null ? `tile_lses[${row} - firstRow]` : `lse${t}`})`,
    source: (k, q) => `x[u.xOffset + (b * u.N + ${k}) * u.xRow + ${q}]`,
    store: (row, q, value) => `y[u.yOffset + (b * u.M + ${row}) * u.yRow + ${q}] = ${value};`,
  })
}

export const dotCompressionForward: Kernel<DotCompressionShape, 'z' | 'x' | 'lengths' | 'y' | 'lses', WeightedTuning> =
  {
    name: 'dot-compression.forward',
    bindings: {
      ...reads('f32', 'z'),
      ...reads('vec4f', 'x'),
      ...reads('u32', 'lengths'),
      ...writes('vec4f', 'y'),
      ...writes('f32', 'lses'),
    },
    ...dotCompression,
    tunings: [weightedWorkgroup, weightedSubgroup(8, 2), weightedSubgroup(8, 3), weightedSubgroup(16, 2)],
    wgsl,
    workgroups: ({ B, M, D4 }, tuning) => weightedGroups(B, M, D4, tuning),
    sizes,
    reference: (s, { z, x, lengths, y, lses }) => {
      for (let b = 0; b < s.B; b++)
        for (let m = 0; m < s.M; m++) {
          const scores = Array.from(
            { length: lengthOf(s, lengths, b) },
            (_, n) => s.scale * z[s.zOffset + (b * s.N + n) * s.zRow + m]!,
          )
          const top = Math.max(...scores)
          const powers = scores.map((score) => Math.exp(score - top))
          const total = powers.reduce((sum, power) => sum + power, 0)
          // Of −∞ alone the weights are undefined, and log Σ exp is −∞.
          lses[b * s.M + m] = scores.length === 0 ? 0 : top === -Infinity ? top : top + Math.log(total)
          for (let d = 0; d < s.D4 * 4; d++) {
            let sum = 0
            for (const [n, power] of powers.entries())
              sum += (power / total) * x[(s.xOffset + (b * s.N + n) * s.xRow) * 4 + d]!
            y[(s.yOffset + (b * s.M + m) * s.yRow) * 4 + d] = sum
          }
        }
    },
    cost: ({ B, N, M, D4 }) => ({
      flops: B * N * M * (D4 * 8 + 4),
      bytes: 4 * B * (N * M + N * D4 * 4 + M * D4 * 4 + M),
    }),
    tolerance: ({ N }) => ({ absolute: 3e-6 + 2e-8 * N, relative: 1e-5 }),
    example,
  }
