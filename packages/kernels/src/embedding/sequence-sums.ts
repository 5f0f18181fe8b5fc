/**
 * Weighted sums of what a row's events look up, for a table of up to four parts (split-table.ts):
 *   y[r, w] = scale · Σ weight_lw · table[ids[r, l]] over l < lengths[r],  weight_lw = channels[r, l, first + w]
 * assigned or added to, so that an event may look up in several tables, one dispatch each. Vectors of events are never
 * stored, forward or backward. An id that the table does not have counts as a zero vector, lengths over L count as L.
 * `sequence-sums.backward` gives the gradient of a table by chunks of lookups, which the host grouped by table row, as
 * `embedding.chunk-sums` does for gathers; `embedding.row-adagrad` adds a row's chunks and updates it:
 *   partials[c] = scale · Σ Σ_w weight_lw · gradient[r, w] over events (r, l) = sources[i], starts[c] ≤ i < starts[c + 1]
 * Shape letters: R rows, L events a row at most, C channels, W weights, D4 vec4 of width, V table rows; N chunks at most, P
 * lookups. `yColumn`, `yRow`, `gColumn` and `gRow` count vec4, sums of a row lie side by side.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { type TableBinding, tableBindings, tableElement, tableSizes, tableWgsl } from './split-table.ts'

const forwardUniforms = {
  ...all('size', 'R', 'L', 'C', 'W', 'D4', 'V', 'partRows'),
  ...all('u32', 'first', 'yColumn', 'yRow', 'accumulate'),
  scale: 'f32',
} as const

const backwardUniforms = {
  ...all('size', 'N', 'L', 'C', 'W', 'D4'),
  ...all('u32', 'first', 'gColumn', 'gRow'),
  scale: 'f32',
} as const

export type SequenceSumsShape = ShapeOf<typeof forwardUniforms>
export type SequenceSumsBackwardShape = ShapeOf<typeof backwardUniforms> & { R: number; P: number }

interface SumsTuning extends Tuning {
  readonly workgroupSize: number
  /** vec4 of width, and sums, that an invocation has: of an event a vec4 is loaded once for as many sums. */
  readonly block: number
  readonly sums: number
}

function forwardWgsl({ workgroupSize, block, sums }: SumsTuning): string {
  const [columns, own] = [range(block), range(sums)]
  const each = (line: (x: number, w: number) => string) => own.flatMap((w) => columns.map((x) => line(x, w))).join(' ')
  return /* wgsl */ `
${tableWgsl}
${mainWgsl(workgroupSize)}
  let blocks = (u.D4 + ${block - 1}u) / ${block}u;
  let shares = (u.W + ${sums - 1}u) / ${sums}u;
  let task = group * ${workgroupSize}u + lane;
  let r = task / blocks / shares;
  if (r >= u.R) { return; }
  let column = task % blocks * ${block}u;
  let w = task / blocks % shares * ${sums}u;
  ${columns.map((x) => `let column${x} = min(column + ${x}u, u.D4 - 1u);`).join(' ')}
  ${own.map((i) => `let weight${i} = u.first + min(w + ${i}u, u.W - 1u);`).join(' ')}
  ${each((x, i) => `var sum${i}_${x} = vec4f();`)}
  let end = r * u.L + min(lengths[r], u.L);
  for (var event = r * u.L; event < end; event++) {
    let row = ids[event];
    if (row >= u.V) { continue; }
    let at = event * u.C;
    ${columns.map((x) => `let v${x} = tableAt(row, column${x});`).join(' ')}
    ${own.map((i) => `{ let weight = channels[at + weight${i}]; ${columns.map((x) => `sum${i}_${x} += weight * v${x};`).join(' ')} }`).join('\n    ')}
  }
  let at = r * u.yRow + u.yColumn + w * u.D4 + column;
  ${own
    .map(
      (i) => `if (w + ${i}u < u.W) {
    ${columns.map((x) => `if (column + ${x}u < u.D4) { let i = at + ${i}u * u.D4 + ${x}u; y[i] = select(vec4f(), y[i], u.accumulate == 1u) + u.scale * sum${i}_${x}; }`).join('\n    ')}
  }`,
    )
    .join('\n  ')}
}`
}

const noGaps = { first: 0, yColumn: 0, accumulate: 0, scale: 1 }

export const sequenceSumsForward: Kernel<
  SequenceSumsShape,
  TableBinding | 'ids' | 'lengths' | 'channels' | 'y',
  SumsTuning
> = {
  name: 'sequence-sums.forward',
  bindings: {
    ...tableBindings,
    ...reads('u32', 'ids', 'lengths'),
    ...reads('f32', 'channels'),
    ...writes('vec4f', 'y'),
  },
  uniforms: forwardUniforms,
  tunings: [
    { name: 'lane-per-vec4', workgroupSize: 64, block: 1, sums: 4 },
    { name: 'lane-per-2-vec4', workgroupSize: 8, block: 2, sums: 4 },
  ],
  wgsl: forwardWgsl,
  workgroups: ({ R, W, D4 }, { workgroupSize, block, sums }) =>
    linearGroups(Math.ceil((R * Math.ceil(W / sums) * Math.ceil(D4 / block)) / workgroupSize)),
  sizes: (s) => ({ ...tableSizes(s), ids: s.R * s.L, lengths: s.R, channels: s.R * s.L * s.C, y: s.R * s.yRow }),
  reference: (s, arrays) => {
    const { ids, lengths, channels, y } = arrays
    for (let r = 0; r < s.R; r++)
      for (let w = 0; w < s.W; w++)
        for (let d = 0; d < s.D4 * 4; d++) {
          let sum = 0
          for (let event = r * s.L; event < r * s.L + Math.min(lengths[r]!, s.L); event++)
            if (ids[event]! < s.V) sum += channels[event * s.C + s.first + w]! * tableElement(s, arrays, ids[event]!, d)
          const at = (r * s.yRow + s.yColumn + w * s.D4) * 4 + d
          y[at] = (s.accumulate ? y[at]! : 0) + s.scale * sum
        }
  },
  cost: ({ R, L, W, D4, V }) => ({
    flops: R * L * W * D4 * 8,
    bytes: 4 * (Math.min(R * L, V) * D4 * 4 + R * L * (W + 1) + R * (W * D4 * 4 + 1)),
  }),
  tolerance: ({ L, scale }) => ({ absolute: 4e-7 * (1 + scale * L), relative: 2e-6 }),
  cases: [
    { ...noGaps, R: 1, L: 1, C: 1, W: 1, D4: 1, V: 1, partRows: 1, yRow: 1 },
    { R: 37, L: 5, C: 7, W: 5, D4: 3, V: 11, partRows: 11, first: 2, yColumn: 2, yRow: 19, accumulate: 1, scale: 8 },
    { ...noGaps, R: 9, L: 70, C: 4, W: 4, D4: 5, V: 23, partRows: 6, yRow: 20 },
    // Over 65,535 workgroups of 8 lanes.
    { ...noGaps, R: 524_297, L: 1, C: 1, W: 1, D4: 1, V: 7, partRows: 7, yRow: 1 },
  ],
  draw: (between) => {
    const [D4, V, W, first] = [between(1, 9), between(1, 60), between(1, 9), between(0, 3)]
    const partRows = Math.max(between(1, 70), Math.ceil(V / 4))
    const size = { R: between(1, 40), L: between(1, 40), C: first + W + between(0, 2), W, D4, V, partRows }
    const dense = { ...size, first, yColumn: 0, yRow: W * D4, accumulate: between(0, 1), scale: between(1, 16) / 2 }
    return withGaps(dense, between)
  },
  benchmarks: [
    { ...noGaps, R: 512, L: 128, C: 7, W: 4, D4: 4, V: 20_000, partRows: 20_000, first: 3, yRow: 16, scale: 8 },
    { ...noGaps, R: 512, L: 128, C: 7, W: 4, D4: 16, V: 20_000, partRows: 20_000, first: 3, yRow: 64, scale: 8 },
  ],
  // One id in V + 1 is not in the table.
  example: ({ R, L, V }) => ({ ids: V + 1, lengths: R >= 64 ? new Uint32Array(R).fill(L) : L + 2 }),
}

interface ChunksTuning extends Tuning {
  readonly workgroupSize: number
  readonly block: number
}

function backwardWgsl({ workgroupSize, block }: ChunksTuning): string {
  const columns = range(block)
  const guarded = (x: number, statement: string) =>
    x === 0 ? statement : `if (column + ${x}u < u.D4) { ${statement} }`
  return /* wgsl */ `
${mainWgsl(workgroupSize)}
  let blocks = (u.D4 + ${block - 1}u) / ${block}u;
  let task = group * ${workgroupSize}u + lane;
  let chunk = task / blocks;
  if (chunk >= u.N) { return; }
  let end = starts[chunk + 1u];
  var i = starts[chunk];
  if (i == end) { return; }
  let column = task % blocks * ${block}u;
  ${columns.map((x) => `var sum${x} = vec4f();`).join(' ')}
  for (; i < end; i++) {
    let event = sources[i];
    let at = event * u.C + u.first;
    let origin = event / u.L * u.gRow + u.gColumn + column;
    for (var w = 0u; w < u.W; w++) {
      let weight = channels[at + w];
      let start = origin + w * u.D4;
      ${columns.map((x) => guarded(x, `sum${x} += weight * gradient[start + ${x}u];`)).join('\n      ')}
    }
  }
  ${columns.map((x) => guarded(x, `partials[chunk * u.D4 + column + ${x}u] = u.scale * sum${x};`)).join('\n  ')}
}`
}

const noGradientGaps = { first: 0, gColumn: 0, scale: 1 }

export const sequenceSumsBackward: Kernel<
  SequenceSumsBackwardShape,
  'starts' | 'sources' | 'channels' | 'gradient' | 'partials',
  ChunksTuning
> = {
  name: 'sequence-sums.backward',
  bindings: {
    ...reads('u32', 'starts', 'sources'),
    ...reads('f32', 'channels'),
    ...reads('vec4f', 'gradient'),
    ...writes('vec4f', 'partials'),
  },
  uniforms: backwardUniforms,
  tunings: [
    { name: 'lane-per-vec4', workgroupSize: 64, block: 1 },
    { name: 'lane-per-4-vec4', workgroupSize: 8, block: 4 },
  ],
  wgsl: backwardWgsl,
  workgroups: ({ N, D4 }, { workgroupSize, block }) =>
    linearGroups(Math.ceil((N * Math.ceil(D4 / block)) / workgroupSize)),
  sizes: ({ N, L, C, D4, gRow, P, R }) => ({
    starts: N + 1,
    sources: P,
    channels: R * L * C,
    gradient: R * gRow,
    partials: N * D4,
  }),
  reference: (s, { starts, sources, channels, gradient, partials }) => {
    for (let c = 0; c < s.N; c++) {
      if (starts[c] === starts[c + 1]) continue
      for (let d = 0; d < s.D4 * 4; d++) {
        let sum = 0
        for (const event of sources.subarray(starts[c]!, starts[c + 1]!))
          for (let w = 0; w < s.W; w++) {
            const at = Math.floor(event / s.L) * s.gRow + s.gColumn + w * s.D4
            sum += channels[event * s.C + s.first + w]! * gradient[at * 4 + d]!
          }
        partials[c * s.D4 * 4 + d] = s.scale * sum
      }
    }
  },
  cost: ({ N, R, P, W, D4 }) => ({
    flops: P * W * D4 * 8,
    bytes: 4 * (R * W * D4 * 4 + N * (D4 * 4 + 1) + P * (W + 1)),
  }),
  tolerance: ({ N, P, W, scale }) => ({ absolute: 4e-7 * (1 + scale * W * Math.ceil(P / N)), relative: 1e-5 }),
  cases: [
    { ...noGradientGaps, N: 1, L: 1, C: 1, W: 1, D4: 1, gRow: 1, P: 1, R: 1 },
    { N: 23, L: 7, C: 6, W: 3, D4: 5, first: 2, gColumn: 3, gRow: 19, scale: 8, P: 1021, R: 50 },
    // Over 65,535 workgroups of 8 lanes.
    { ...noGradientGaps, N: 524_297, L: 1, C: 1, W: 1, D4: 1, gRow: 1, P: 524_297, R: 3 },
  ],
  draw: (between) => {
    const [N, D4, W, first] = [between(1, 40), between(1, 9), between(1, 6), between(0, 3)]
    const size = { N, L: between(1, 20), C: first + W + between(0, 2), W, D4, first, P: between(1, N * 20) }
    return withGaps({ ...size, gColumn: 0, gRow: W * D4, scale: between(1, 16) / 2, R: between(1, 20) }, between)
  },
  benchmarks: [4, 16].map((D4) => ({
    ...{ N: 20_000, L: 128, C: 7, W: 4, D4, first: 3, gColumn: 0, gRow: 4 * D4, scale: 8, P: 65_536, R: 512 },
  })),
  example: (s) => {
    // The last chunks stay empty.
    const filled = Math.max(1, Math.floor(s.N * 0.9))
    return {
      starts: Uint32Array.from({ length: s.N + 1 }, (_, c) => (c >= filled ? s.P : Math.floor((s.P * c) / filled))),
      sources: s.R * s.L,
    }
  },
}
