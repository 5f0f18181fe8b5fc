import { type BindingLimits, splitTable, type TableBinding, tablePartBindings } from '@headwater/kernels'
import type { Allocation } from '../plan/allocation.ts'
import { part, type Tensor } from '../plan/tensor.ts'
import type { Table } from './parameter-set.ts'

/** Rows firstRow … firstRow + rows of a table, as `embedding.row-adagrad` updates them. */
export interface DeviceTablePart {
  readonly firstRow: number
  readonly rows: number
  /** [rows, width] */
  readonly values: Tensor
  /** Adagrad's accumulators of the whole table, [1, rows of the table]; in training only. */
  readonly squares: Tensor | null
}

/** An embedding table on the device, of any size: in parts that can each be bound, at most four. */
export interface DeviceTable {
  /** Rows of every part but the last. */
  readonly partRows: number
  readonly parts: readonly DeviceTablePart[]
  /** What it takes in memory: values, in one buffer where the device has such large ones, and squares, in training. */
  readonly wholes: readonly Tensor[]
  /** What `embedding.gather` and its backward bind. */
  readonly bindings: { readonly [K in TableBinding]: Tensor }
}

/** Cuts a table as a device would need it. @throws TableSizeError */
export function cutTable({ name, rows, width }: Table, limits: BindingLimits) {
  return splitTable(name, rows, width / 4, limits)
}

export function allocateTable(
  allocation: Allocation,
  table: Table,
  split: ReturnType<typeof cutTable>,
  training: boolean,
): DeviceTable {
  const { name, rows, width } = table
  const buffers = split.bufferBytes.map((sizeBytes, i) =>
    allocation.tensor(`table ${name}${split.bufferBytes.length === 1 ? '' : ` ${i + 1}`}`, 1, sizeBytes / 4),
  )
  const squares = training ? allocation.tensor(`squares of ${name}`, 1, rows) : null
  const parts = split.parts.map(({ buffer, offsetBytes, firstRow, rows }) => ({
    firstRow,
    rows,
    values: part(buffers[buffer], `table ${name}`, offsetBytes, rows, width),
    squares,
  }))
  const bindings = tablePartBindings(parts.map(({ values }) => values))
  return { partRows: split.partRows, parts, bindings, wholes: squares ? [...buffers, squares] : buffers }
}
