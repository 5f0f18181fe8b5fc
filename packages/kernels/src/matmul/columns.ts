/** WGSL by which an invocation loads its columns of B from each layout. */
import { range } from '../wgsl/range.ts'
import type { Layout } from './shape.ts'

/** Rows of K that a turn of the loop multiplies: two, so that a sum is read and written once for both. */
const depth = 2

/**
 * Before the loop: places p0… of the `count` vec4 columns that a lane of `lanes` owns, and where B begins for each.
 * Neighbouring lanes own neighbouring columns.
 */
export function columnSetup(layout: Layout, count: number, lanes: number): string {
  return range(count)
    .map((j) => {
      const place = `let p${j} = placeOf(tile.column4 + ${j * lanes}u + lane, tile.batch);`
      const start = `u.bOffset + batchOf(p${j}) * u.bBatch`
      if (layout === 'row-major') return `${place} let b${j} = ${start} + p${j}.y;`
      // Rows of B beyond N do not exist; they count as zero.
      return `${place} let b${j} = vec4u(${start}) + min(vec4u(p${j}.y * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(u.N - 1u)) * u.bRow;
  let n${j} = vec4u(p${j}.y * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.N);`
    })
    .join('\n  ')
}

/** What lies behind the last row of K may be NaN; it is replaced by zero, not multiplied by it. */
const guarded = (i: number, zero: string, value: string) => (i === 0 ? value : `select(${zero}, ${value}, live1)`)

/** Loads v{name}_0 and v{name}_1, the values of A's row at `start` for the rows k and k + 1 of B. */
export const valueLoads = (name: string | number, start: string): string =>
  range(depth)
    .map((i) => `let v${name}_${i} = ${guarded(i, '0.0', `a[${start} + row${i} * u.aCol]`)};`)
    .join(' ')

/** Loads x{column}_0 and x{column}_1, the rows k and k + 1 of the columns. */
export function columnLoads(layout: Layout, count: number): string {
  const rows = range(depth)
  if (layout === 'row-major')
    return rows
      .map((i) =>
        range(count)
          .map((j) => `let x${j}_${i} = ${guarded(i, 'vec4f()', `b[b${j} + row${i} * u.bRow]`)};`)
          .join(' '),
      )
      .join('\n    ')
  // Value by value, as only two of the four in a vec4 are wanted in this turn.
  return range(count)
    .map((j) =>
      rows
        .map((i) => {
          const values = range(4).map((n) => `b[b${j}.${'xyzw'[n]} + row${i} / 4u][row${i} % 4u]`)
          return `let x${j}_${i} = ${guarded(i, 'vec4f()', `select(vec4f(), vec4f(${values.join(', ')}), n${j})`)};`
        })
        .join(' '),
    )
    .join('\n    ')
}

/** The loop over K: `body` finds row0 = k, row1 = k + 1 or the last one, and live1, whether there is a k + 1. */
export const loopOverK = (body: string): string => `for (var k = 0u; k < u.K; k += ${depth}u) {
    let row0 = k;
    let live1 = k + 1u < u.K;
    let row1 = min(k + 1u, u.K - 1u);
    ${body}
  }`
