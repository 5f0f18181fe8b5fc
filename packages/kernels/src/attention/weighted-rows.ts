/**
 * WGSL of a matrix product whose left side is computed on the way: row r of the result is Σ_k weight(r, k) · source_k,
 * with weights that are exponentials of logits. A workgroup has a tile of rows and columns of one sequence b:
 * - 'subgroup': eight lanes; a lane computes the weights of every eighth row, shares them by broadcast, and owns
 *   `quads` vec4 of columns of all rows of the tile;
 * - 'workgroup': 64 invocations put the weights of 32 k into workgroup memory; each owns 4 rows of one vec4 column.
 */
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { type RowTuning, rowMainWgsl } from '../wgsl/row-lanes.ts'

export interface WeightedTuning extends RowTuning {
  readonly rows: number
  /** vec4 of columns a lane. */
  readonly quads: number
}

export const weightedWorkgroup: WeightedTuning = { name: 'workgroup-16x64', kind: 'workgroup', rows: 16, quads: 1 }

export const weightedSubgroup = (rows: number, quads: number): WeightedTuning => ({
  name: `subgroup-${rows}x${quads * 32}`,
  kind: 'subgroup',
  rows,
  quads,
  minSubgroupSize: 8,
})

const tileQuads = ({ kind, quads }: WeightedTuning): number => (kind === 'subgroup' ? 8 * quads : 16)

/** Workgroups for B results of `rows` rows and `quads` vec4 of columns. */
export const weightedGroups = (B: number, rows: number, quads: number, tuning: WeightedTuning) =>
  linearGroups(B * Math.ceil(rows / tuning.rows) * Math.ceil(quads / tileQuads(tuning)))

export interface WeightedSum {
  /** Expression for the number of rows; variables `b`, `length` (of the sequence) may be used in all of these. */
  readonly rows: string
  /** Expression for the number of k. */
  readonly count: string
  /** WGSL before the loop; in the subgroup kind it sees the lane's rows `row0`, `row1`, …, else the tile's `firstRow`. */
  readonly prologue: string
  /** Module-scope WGSL. */
  readonly declarations: string
  /** Expression for the weight of row `row` at `k`; `t` is the number of the lane's row, or null in the workgroup kind. */
  weight(row: string, k: string, t: number | null): string
  /** Expression for the vec4 at column quad `q` of source `k`. */
  source(k: string, q: string): string
  /** Statement that stores `value` at a row and column quad that exist. */
  store(row: string, q: string, value: string): string
}

export function weightedRowsWgsl(tuning: WeightedTuning, sum: WeightedSum): string {
  const { kind, rows } = tuning
  return /* wgsl */ `
${kind === 'workgroup' ? 'var<workgroup> tile_weights: array<vec4f, 128>;' : ''}
${sum.declarations}
${rowMainWgsl(tuning)}
  let rows = ${sum.rows};
  let rowTiles = (rows + ${rows - 1}u) / ${rows}u;
  let columnTiles = (u.D4 + ${tileQuads(tuning) - 1}u) / ${tileQuads(tuning)}u;
  if (group >= u.B * rowTiles * columnTiles) { return; }
  let firstQuad = group % columnTiles * ${tileQuads(tuning)}u;
  let firstRow = group / columnTiles % rowTiles * ${rows}u;
  let b = group / columnTiles / rowTiles;
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[b]); }
  ${kind === 'subgroup' ? subgroupBody(tuning, sum) : workgroupBody(sum)}
}`
}

function subgroupBody({ rows, quads }: WeightedTuning, sum: WeightedSum): string {
  const own = range(rows / 8)
  const columns = range(quads)
  return /* wgsl */ `
  ${own.map((t) => `let row${t} = min(firstRow + ${t * 8}u + lane, rows - 1u);`).join('\n  ')}
  ${columns.map((c) => `let quad${c} = firstQuad + ${c * 8}u + lane; let column${c} = min(quad${c}, u.D4 - 1u);`).join('\n  ')}
  ${sum.prologue}
  ${range(rows)
    .map((r) => columns.map((c) => `var sum${r}_${c} = vec4f();`).join(' '))
    .join('\n  ')}
  for (var k = 0u; k < ${sum.count}; k++) {
    ${own.map((t) => `let weight${t} = ${sum.weight(`row${t}`, 'k', t)};`).join('\n    ')}
    ${columns.map((c) => `let source${c} = ${sum.source('k', `column${c}`)};`).join('\n    ')}
    ${range(rows)
      .map(
        (r) =>
          `{ let w = subgroupBroadcast(weight${Math.floor(r / 8)}, ${r % 8}u); ${columns.map((c) => `sum${r}_${c} += w * source${c};`).join(' ')} }`,
      )
      .join('\n    ')}
  }
  ${range(rows)
    .map(
      (r) =>
        `if (firstRow + ${r}u < rows) { ${columns.map((c) => `if (quad${c} < u.D4) { ${sum.store(`(firstRow + ${r}u)`, `quad${c}`, `sum${r}_${c}`)} }`).join(' ')} }`,
    )
    .join('\n  ')}`
}

function workgroupBody(sum: WeightedSum): string {
  const own = range(4)
  return /* wgsl */ `
  ${sum.prologue}
  let quad = firstQuad + lane % 16u;
  let column = min(quad, u.D4 - 1u);
  let side = lane / 16u;
  ${own.map((r) => `var sum${r} = vec4f();`).join(' ')}
  let count = ${sum.count};
  for (var k0 = 0u; k0 < count; k0 += 32u) {
    workgroupBarrier();
    for (var e = lane; e < 128u; e += 64u) {
      let k = min(k0 + e / 4u, count - 1u);
      ${own.map((i) => `let row${i} = min(firstRow + e % 4u * 4u + ${i}u, rows - 1u);`).join(' ')}
      tile_weights[e] = vec4f(${own.map((i) => sum.weight(`row${i}`, 'k', null)).join(', ')});
    }
    workgroupBarrier();
    for (var k = k0; k < min(k0 + 32u, count); k++) {
      let w = tile_weights[(k - k0) * 4u + side];
      let source = ${sum.source('k', 'column')};
      ${own.map((r) => `sum${r} += w[${r}] * source;`).join(' ')}
    }
  }
  if (quad < u.D4) {
    ${own.map((r) => `{ let row = firstRow + side * 4u + ${r}u; if (row < rows) { ${sum.store('row', 'quad', `sum${r}`)} } }`).join('\n    ')}
  }`
}
