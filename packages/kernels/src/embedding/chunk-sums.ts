/**
 * Weighted sums of gradient rows by chunk, for rows of a table that a batch looked up very often:
 *   partials[c] = Σ weights[i] · gradient[sources[i]] over starts[c] ≤ i < starts[c + 1]
 * row-adagrad adds the chunks of a row in their order, so that one popular row keeps no single lane busy. With one chunk
 * for each group of lookups this is also the plain gradient of a table, a row a group. Empty chunks are left as they are,
 * so one grid serves any number of chunks. WGSL has no float atomics; grouping on the host also fixes the sum's order.
 * Shape letters: C chunks at most, D4 vec4 of width, P lookups, R gradient rows. `gColumn` and `gRow` count vec4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'

export type ChunkSumsShape = { C: number; D4: number; gColumn: number; gRow: number; P: number; R: number }

interface ChunkSumsTuning extends Tuning {
  readonly workgroupSize: number
  /** vec4 of a row that one invocation sums. */
  readonly block: number
}

export const chunkSums: Kernel<
  ChunkSumsShape,
  'starts' | 'sources' | 'weights' | 'gradient' | 'partials',
  ChunkSumsTuning
> = {
  name: 'embedding.chunk-sums',
  bindings: {
    ...reads('u32', 'starts', 'sources'),
    ...reads('f32', 'weights'),
    ...reads('vec4f', 'gradient'),
    ...writes('vec4f', 'partials'),
  },
  uniforms: { C: 'size', D4: 'size', gColumn: 'u32', gRow: 'size' },
  tunings: [
    { name: 'lane-per-vec4', workgroupSize: 64, block: 1 },
    { name: 'lane-per-4-vec4', workgroupSize: 8, block: 4 },
  ],
  wgsl: ({ workgroupSize, block }) => {
    const columns = range(block)
    const guarded = (x: number, statement: string) =>
      x === 0 ? statement : `if (column + ${x}u < u.D4) { ${statement} }`
    return /* wgsl */ `
${mainWgsl(workgroupSize)}
  let blocks = (u.D4 + ${block - 1}u) / ${block}u;
  let task = group * ${workgroupSize}u + lane;
  let chunk = task / blocks;
  if (chunk >= u.C) { return; }
  let end = starts[chunk + 1u];
  var i = starts[chunk];
  if (i == end) { return; }
  let column = task % blocks * ${block}u;
  ${columns.map((x) => `var sum${x} = vec4f();`).join(' ')}
  for (; i < end; i++) {
    let weight = weights[i];
    let origin = sources[i] * u.gRow + u.gColumn + column;
    ${columns.map((x) => guarded(x, `sum${x} += weight * gradient[origin + ${x}u];`)).join('\n    ')}
  }
  ${columns.map((x) => guarded(x, `partials[chunk * u.D4 + column + ${x}u] = sum${x};`)).join('\n  ')}
}`
  },
  workgroups: ({ C, D4 }, { workgroupSize, block }) =>
    linearGroups(Math.ceil((C * Math.ceil(D4 / block)) / workgroupSize)),
  sizes: ({ C, D4, gRow, P, R }) => ({ starts: C + 1, sources: P, weights: P, gradient: R * gRow, partials: C * D4 }),
  reference: (s, { starts, sources, weights, gradient, partials }) => {
    for (let c = 0; c < s.C; c++) {
      if (starts[c] === starts[c + 1]) continue
      for (let d = 0; d < s.D4 * 4; d++) {
        let sum = 0
        for (let i = starts[c]!; i < starts[c + 1]!; i++)
          sum += weights[i]! * gradient[(sources[i]! * s.gRow + s.gColumn) * 4 + d]!
        partials[c * s.D4 * 4 + d] = sum
      }
    }
  },
  cost: ({ C, D4, P, R }) => ({ flops: P * D4 * 8, bytes: Math.min(R, P) * D4 * 16 + C * D4 * 16 + P * 8 + C * 4 }),
  tolerance: ({ C, P }) => ({ absolute: 4e-7 * Math.ceil(P / C + 1), relative: 1e-5 }),
  cases: [
    { C: 1, D4: 1, gColumn: 0, gRow: 1, P: 1, R: 1 },
    { C: 23, D4: 5, gColumn: 3, gRow: 11, P: 1021, R: 50 },
    { C: 64, D4: 4, gColumn: 0, gRow: 4, P: 4096, R: 128 },
    // Over 65,535 workgroups of 8 lanes.
    { C: 524_297, D4: 1, gColumn: 0, gRow: 1, P: 524_297, R: 3 },
  ],
  draw: (between) => {
    const [C, D4] = [between(1, 40), between(1, 9)]
    return withGaps({ C, D4, gColumn: 0, gRow: D4, P: between(1, C * 70), R: between(1, 20) }, between)
  },
  benchmarks: [
    { C: 256, D4: 4, gColumn: 0, gRow: 4, P: 16_384, R: 2048 },
    { C: 256, D4: 24, gColumn: 0, gRow: 24, P: 16_384, R: 2048 },
  ],
  example: (s) => {
    // The last chunks stay empty.
    const filled = Math.max(1, Math.floor(s.C * 0.9))
    return {
      starts: Uint32Array.from({ length: s.C + 1 }, (_, c) => (c >= filled ? s.P : Math.floor((s.P * c) / filled))),
      sources: s.R,
    }
  },
}
