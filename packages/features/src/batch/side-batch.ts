import type { SideBatch, SideLayout } from './batch.ts'
import { batchOf } from './batch-arrays.ts'

/** A batch that cannot be allocated or written as asked. */
export class BatchError extends Error {
  override readonly name = 'BatchError'
}

/** A number of a batch that is NaN or infinite: in which row, of which feature. */
export class BatchNumberError extends Error {
  override readonly name = 'BatchNumberError'
  readonly row: number
  readonly feature: string

  constructor(row: number, feature: string, value: number) {
    super(`row ${row}, ${feature}: is ${value}; give a finite number, and for a missing one 0 with its flag`)
    this.row = row
    this.feature = feature
  }
}

/**
 * @param firstRow number that the batch's first row has in the message
 * @throws BatchNumberError where a dense value, or a channel of an event that is there, is no finite number
 */
export function checkNumbers({ dense: names, sequence }: SideLayout, batch: SideBatch, firstRow = 0): void {
  const D = names.length
  const { rows, dense } = batch
  for (let i = 0; i < rows * D; i++)
    if (!Number.isFinite(dense[i])) throw new BatchNumberError(firstRow + Math.floor(i / D), names[i % D], dense[i])
  if (sequence === null || batch.sequence === null) return
  const { length, channels: C } = sequence
  const { channels, lengths } = batch.sequence
  for (let r = 0; r < rows; r++)
    for (let i = r * length * C; i < (r * length + lengths[r]) * C; i++)
      if (!Number.isFinite(channels[i])) {
        const event = Math.floor(i / C) - r * length
        throw new BatchNumberError(firstRow + r, `event ${event} of the sequence, channel ${i % C}`, channels[i])
      }
}

/** Allocates a batch of R zeroed rows. @throws BatchError where `rows` is no whole number of at least 1 */
export function allocateBatch(layout: SideLayout, rows: number): SideBatch {
  if (!Number.isSafeInteger(rows) || rows < 1) {
    throw new BatchError(`a batch of ${rows} rows cannot be allocated; give a whole number of at least 1`)
  }
  return batchOf(layout, rows, ({ type, width }) =>
    type === 'f32' ? new Float32Array(rows * width) : new Uint32Array(rows * width),
  )
}

/** @throws BatchError where `row` is outside the batch or the batch is of another layout */
export function checkRow(layout: SideLayout, batch: SideBatch, row: number): void {
  if (!Number.isInteger(row) || row < 0 || row >= batch.rows) {
    throw new BatchError(`row ${row} is outside a batch of ${batch.rows} rows; allocate a larger batch`)
  }
  if (
    batch.dense.length !== batch.rows * layout.dense.length ||
    batch.bags.length !== layout.bags.length ||
    batch.sequence?.categories.length !== layout.sequence?.categories.length
  ) {
    throw new BatchError('the batch has another layout; allocate it from the same feature space and side')
  }
}
