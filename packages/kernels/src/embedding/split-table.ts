/**
 * A table that is larger than one binding may be, as up to four ranges of a buffer or of several: row r lies in part
 * ⌊r / partRows⌋. A table of one part is bound four times.
 */
import type { Binding, ReferenceArrays } from '@headwater/gpu'

export type TableBinding = 'table0' | 'table1' | 'table2' | 'table3'

const maxParts = 4

/** Shape letters: V table rows, D4 vec4 of width. */
export type SplitTableShape = { V: number; D4: number; partRows: number }

const part: Binding = { type: 'vec4f', access: 'read' }
export const tableBindings: { readonly [K in TableBinding]: Binding } = {
  table0: part,
  table1: part,
  table2: part,
  table3: part,
}

/** `tableAt(row, column)` for a row below V; the branch over the parts is taken by split tables only. */
export const tableWgsl = /* wgsl */ `
fn tableAt(row: u32, column: u32) -> vec4f {
  if (u.partRows >= u.V) { return table0[row * u.D4 + column]; }
  let part = row / u.partRows;
  let at = (row - part * u.partRows) * u.D4 + column;
  switch (part) {
    case 0u: { return table0[at]; }
    case 1u: { return table1[at]; }
    case 2u: { return table2[at]; }
    default: { return table3[at]; }
  }
}
`

/** The same for tables of one part only, which takes a driver a fifth of the code. */
export const wholeTableWgsl = /* wgsl */ `
fn tableAt(row: u32, column: u32) -> vec4f { return table0[row * u.D4 + column]; }
`

/** Rows of part `p`; a part behind the last row binds something of one vec4 that is never read. */
const rowsOfPart = ({ V, partRows }: SplitTableShape, p: number) => Math.min(partRows, V - p * partRows)

export function tableSizes(s: SplitTableShape): { readonly [K in TableBinding]: number } {
  const size = (p: number) => (rowsOfPart(s, p) > 0 ? rowsOfPart(s, p) * s.D4 : 1)
  return { table0: size(0), table1: size(1), table2: size(2), table3: size(3) }
}

/** Element `d` of a row, for references. */
export function tableElement(
  s: SplitTableShape,
  arrays: ReferenceArrays<TableBinding>,
  row: number,
  d: number,
): number {
  const parts = [arrays.table0, arrays.table1, arrays.table2, arrays.table3]
  return parts[Math.floor(row / s.partRows)]![(row % s.partRows) * s.D4 * 4 + d]!
}

/** One part of a table, as `embedding.row-adagrad` updates it. */
export interface TablePart {
  /** Which of the table's buffers it lies in. */
  readonly buffer: number
  readonly offsetBytes: number
  readonly sizeBytes: number
  readonly firstRow: number
  readonly rows: number
}

export interface SplitTable {
  /** Rows of every part but the last. */
  readonly partRows: number
  readonly parts: readonly TablePart[]
  /** Bytes of each buffer; one, unless the device allows none so large. */
  readonly bufferBytes: readonly number[]
}

/** What a device allows of buffers and bindings. */
export interface BindingLimits {
  readonly maxBufferSize: number
  readonly maxStorageBufferBindingSize: number
  readonly minStorageBufferOffsetAlignment: number
}

/** A table has more rows than its kernels can bind. */
export class TableSizeError extends Error {
  override readonly name = 'TableSizeError'
}

/**
 * Cuts a table into parts that can be bound, side by side in as few buffers as the device allows.
 * @param name of the table, for errors
 * @throws TableSizeError for a table over four times the largest binding
 */
export function splitTable(name: string, rows: number, D4: number, limits: BindingLimits): SplitTable {
  const rowBytes = D4 * 16
  const mostBytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)
  const mostRows = Math.floor(mostBytes / rowBytes)
  // So many rows that every part begins where a binding may begin, whatever the width.
  const alignedRows = Math.max(1, limits.minStorageBufferOffsetAlignment / 16)
  const partRows = rows <= mostRows ? rows : Math.floor(mostRows / alignedRows) * alignedRows
  const count = Math.ceil(rows / partRows)
  if (!(count <= maxParts))
    throw new TableSizeError(
      `Table ${name}: ${rows} rows of ${rowBytes} bytes are ${rows * rowBytes} bytes, more than ${maxParts} bindings of at ` +
        `most ${mostBytes} bytes hold (maxStorageBufferBindingSize of the device). Use fewer rows or a narrower table.`,
    )
  const partBytes = partRows * rowBytes
  const partsOfBuffer = rows * rowBytes <= limits.maxBufferSize ? count : Math.floor(limits.maxBufferSize / partBytes)
  const parts = Array.from({ length: count }, (_, p) => {
    const firstRow = p * partRows
    const height = Math.min(partRows, rows - firstRow)
    return {
      buffer: Math.floor(p / partsOfBuffer),
      offsetBytes: (p % partsOfBuffer) * partBytes,
      sizeBytes: height * rowBytes,
      firstRow,
      rows: height,
    }
  })
  const bufferBytes: number[] = []
  for (const { buffer, offsetBytes, sizeBytes } of parts) bufferBytes[buffer] = offsetBytes + sizeBytes
  return { partRows, parts, bufferBytes }
}

/** What the gather kernels bind, of one thing for each part: what has no part of its own binds the last. */
export function tablePartBindings<T>(parts: readonly T[]): { readonly [K in TableBinding]: T } {
  const at = (p: number) => parts[Math.min(p, parts.length - 1)]!
  return { table0: at(0), table1: at(1), table2: at(2), table3: at(3) }
}
