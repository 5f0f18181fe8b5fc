/**
 * One subgroup computes a tile: lanes load values of A, a lane one of every 8 (or 4) rows, share them by broadcast, and
 * own vec4 columns of B and C. Two rows of K meet in one statement, so that a sum is read and written once for both.
 * For adapters where a load costs many times a multiplication and sums spill into a near cache: those on CPUs.
 */

import { mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { columnLoads, columnSetup, loopOverK, valueLoads } from './columns.ts'
import { epilogueWgsl, storeWgsl, tileWgsl } from './epilogue.ts'
import type { Layout } from './shape.ts'

interface Sharing {
  /** Lanes that share values of A; each of them owns other columns. */
  readonly lanes: 8 | 4
  readonly broadcast: 'subgroupBroadcast' | 'quadBroadcast'
  readonly rows: number
  readonly columns4: number
}

/** Sums s{row}_{column} over K, stored with the epilogue; `first` is the first row, `lane` the lane among those that share. */
function body(layout: Layout, { lanes, broadcast, rows, columns4 }: Sharing): string {
  const columns = range(columns4)
  const values = range(rows / lanes)
  const products = range(rows).map((r) => {
    const share = (i: number) => `${broadcast}(v${Math.floor(r / lanes)}_${i}, ${r % lanes}u)`
    const sums = columns.map((j) => `s${r}_${j} += v * x${j}_0 + w * x${j}_1;`)
    return `{ let v = ${share(0)}; let w = ${share(1)}; ${sums.join(' ')} }`
  })
  const loads = values.map((q) => valueLoads(q, `a${q}`))
  return `${columnSetup(layout, columns4, lanes)}
  let aStart = u.aOffset + min(tile.batch, u.batch - 1u) * u.aBatch;
  ${values.map((q) => `let a${q} = aStart + min(first + ${q * lanes}u + lane, u.M - 1u) * u.aRow;`).join('\n  ')}
  ${range(rows)
    .map((r) => columns.map((j) => `var s${r}_${j} = vec4f();`).join(' '))
    .join('\n  ')}
  ${loopOverK([...loads, columnLoads(layout, columns4), ...products].join('\n    '))}
  ${storeWgsl(rows, columns4)}`
}

/** A subgroup of at least 8 lanes, of which 8 work: `rows` × 32 `columns4`. */
export function subgroupTileWgsl(layout: Layout, rows: number, columns4: number): string {
  return /* wgsl */ `
${tileWgsl}
${epilogueWgsl}
${mainWgsl(8, 'lane', 'subgroup_invocation_id')}
  let tile = tileOf(group, ${rows}u, ${columns4 * 8}u);
  let first = tile.row;
  ${body(layout, { lanes: 8, broadcast: 'subgroupBroadcast', rows, columns4 })}
}`
}

/**
 * For up to 16 columns, where 8 lanes beside each other would idle: two quads of lanes, each of 32 rows × 16 columns.
 * Right for subgroups of any size, as all have quads.
 */
export function quadTileWgsl(layout: Layout): string {
  return /* wgsl */ `
${tileWgsl}
${epilogueWgsl}
${mainWgsl(8, 'local')}
  let tile = tileOf(group, 64u, 4u);
  let lane = local % 4u;
  let first = tile.row + local / 4u * 32u;
  ${body(layout, { lanes: 4, broadcast: 'quadBroadcast', rows: 32, columns4: 1 })}
}`
}
