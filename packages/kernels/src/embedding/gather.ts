/**
 * Embeddings of bags of ids, from a table of up to four parts (split-table.ts):
 *   y[r] = Σ w · table[ids[r, m]] over m < lengths[r],  with w = 1 (sum) or 1 / lengths[r] (mean)
 * An empty bag is zero; a single id is a bag of one. An id that the table does not have counts as a zero vector (the
 * mean still divides by the bag's length), and lengths over M count as M.
 * Shape letters: R rows, M ids a row at most, D4 vec4 of width, V table rows. `yColumn` and `yRow` count vec4.
 * The gradient of the table is row-adagrad's, from lookups grouped by row.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { all } from '../wgsl/uniforms.ts'
import {
  type SplitTableShape,
  type TableBinding,
  tableBindings,
  tableElement,
  tableSizes,
  tableWgsl,
  wholeTableWgsl,
} from './split-table.ts'

/** Values of the uniform `mode`. */
export const gatherModes = { sum: 0, mean: 1 } as const

export type GatherShape = SplitTableShape & { R: number; M: number; mode: number; yColumn: number; yRow: number }

interface GatherTuning extends Tuning {
  readonly workgroupSize: number
  /** vec4 of a row that one invocation sums: an id is loaded once for all of them. */
  readonly block: number
  /** Of tables that are one part, without the code that looks for the others. */
  readonly isWhole?: true
}

const isWhole = ({ V, partRows }: { readonly [name: string]: number }) => partRows >= V

export const gather: Kernel<GatherShape, TableBinding | 'ids' | 'lengths' | 'y', GatherTuning> = {
  name: 'embedding.gather',
  bindings: { ...tableBindings, ...reads('u32', 'ids', 'lengths'), ...writes('vec4f', 'y') },
  uniforms: { ...all('size', 'R', 'M', 'D4', 'V', 'partRows'), mode: 'u32', yColumn: 'u32', yRow: 'size' },
  tunings: [
    { name: 'lane-per-vec4', workgroupSize: 64, block: 1 },
    { name: 'lane-per-4-vec4', workgroupSize: 8, block: 4 },
    { name: 'whole-lane-per-4-vec4', workgroupSize: 8, block: 4, isWhole: true, fits: isWhole },
  ],
  bucket: (shape) => (isWhole(shape) ? 'one part' : 'parts'),
  wgsl: ({ workgroupSize, block, ...tuning }) => {
    const columns = range(block)
    // The first column of a block is always there.
    const guarded = (x: number, statement: string) =>
      x === 0 ? statement : `if (column + ${x}u < u.D4) { ${statement} }`
    return /* wgsl */ `
${tuning.isWhole ? wholeTableWgsl : tableWgsl}
${mainWgsl(workgroupSize)}
  let blocks = (u.D4 + ${block - 1}u) / ${block}u;
  let task = group * ${workgroupSize}u + lane;
  let r = task / blocks;
  if (r >= u.R) { return; }
  let column = task % blocks * ${block}u;
  let length = min(lengths[r], u.M);
  ${columns.map((x) => `var sum${x} = vec4f();`).join(' ')}
  for (var m = 0u; m < length; m++) {
    let row = ids[r * u.M + m];
    if (row >= u.V) { continue; }
    ${columns.map((x) => guarded(x, `sum${x} += tableAt(row, column + ${x}u);`)).join('\n    ')}
  }
  let divisor = select(1.0, f32(max(length, 1u)), u.mode == ${gatherModes.mean}u);
  let at = r * u.yRow + u.yColumn + column;
  ${columns.map((x) => guarded(x, `y[at + ${x}u] = sum${x} / divisor;`)).join('\n  ')}
}`
  },
  workgroups: ({ R, D4 }, { workgroupSize, block }) =>
    linearGroups(Math.ceil((R * Math.ceil(D4 / block)) / workgroupSize)),
  sizes: (s) => ({ ...tableSizes(s), ids: s.R * s.M, lengths: s.R, y: s.R * s.yRow }),
  reference: (s, arrays) => {
    const { ids, lengths, y } = arrays
    for (let r = 0; r < s.R; r++) {
      const length = Math.min(lengths[r]!, s.M)
      for (let d = 0; d < s.D4 * 4; d++) {
        let sum = 0
        for (let m = 0; m < length; m++) {
          const row = ids[r * s.M + m]!
          if (row >= s.V) continue
          sum += tableElement(s, arrays, row, d) / (s.mode === gatherModes.mean ? length : 1)
        }
        y[(r * s.yRow + s.yColumn) * 4 + d] = sum
      }
    }
  },
  cost: ({ R, M, D4, V }) => ({
    flops: R * M * D4 * 4,
    bytes: Math.min(R * M, V) * D4 * 16 + R * D4 * 16 + R * M * 4 + R * 4,
  }),
  tolerance: ({ M }) => ({ absolute: 4e-7 * M, relative: 2e-6 }),
  cases: [
    { R: 1, M: 1, D4: 1, V: 1, partRows: 1, mode: 1, yColumn: 0, yRow: 1 },
    { R: 37, M: 5, D4: 3, V: 11, partRows: 11, mode: 1, yColumn: 2, yRow: 9 },
    { R: 41, M: 5, D4: 5, V: 23, partRows: 6, mode: 1, yColumn: 0, yRow: 5 },
    { R: 29, M: 3, D4: 4, V: 31, partRows: 16, mode: 0, yColumn: 1, yRow: 5 },
    { R: 512, M: 8, D4: 4, V: 1000, partRows: 1000, mode: 1, yColumn: 0, yRow: 4 },
    { R: 512, M: 2, D4: 24, V: 300, partRows: 100, mode: 1, yColumn: 0, yRow: 24 },
    // Over 65,535 workgroups of 8 lanes.
    { R: 524_297, M: 1, D4: 1, V: 7, partRows: 7, mode: 0, yColumn: 0, yRow: 1 },
  ],
  draw: (between) => {
    const [D4, V] = [between(1, 9), between(1, 60)]
    const partRows = Math.max(between(1, 70), Math.ceil(V / 4))
    const dense = { R: between(1, 80), M: between(1, 9), D4, V, partRows, mode: between(0, 1), yColumn: 0, yRow: D4 }
    return withGaps(dense, between)
  },
  benchmarks: [
    { R: 2048, M: 16, D4: 4, V: 100_000, partRows: 100_000, mode: 1, yColumn: 0, yRow: 4 },
    { R: 2048, M: 16, D4: 8, V: 100_000, partRows: 100_000, mode: 1, yColumn: 0, yRow: 8 },
    { R: 2048, M: 16, D4: 24, V: 100_000, partRows: 100_000, mode: 1, yColumn: 0, yRow: 24 },
  ],
  // One id in V + 1 is not in the table.
  example: ({ M, V }) => ({ ids: V + 1, lengths: M + 2 }),
}
