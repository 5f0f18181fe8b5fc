/**
 * Lookups in an embedding table, which may lie in parts: what was looked up, and how the rows learn from it.
 * Shape letters: R rows, M ids a row at most, D width.
 */

import { chunkSums, gather, gatherModes, rowAdagrad, sequenceSumsBackward, type TableBinding } from '@headwater/kernels'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Table } from '../parameters/parameter-set.ts'
import type { Weights } from '../parameters/weights.ts'
import type { Recording } from '../plan/recorder.ts'
import type { Tensor } from '../plan/tensor.ts'
import { GroupedLookups } from './grouped-lookups.ts'

/** Ids [R, M] and how many of each row count. */
export interface Lookups {
  readonly ids: Tensor
  /** [1, R] */
  readonly lengths: Tensor
  /** M */
  readonly most: number
}

/** Rows of vectors, as `embedding.gather` binds them. */
interface Vectors {
  readonly rows: number
  readonly partRows: number
  readonly bindings: { readonly [K in TableBinding]: Tensor }
}

/** A gapless tensor [rows, D] as a table. */
export function asTable(tensor: Tensor): Vectors {
  return {
    rows: tensor.rows,
    partRows: tensor.rows,
    bindings: { table0: tensor, table1: tensor, table2: tensor, table3: tensor },
  }
}

export function tableVectors(weights: Weights, table: Table): Vectors {
  return { rows: table.rows, ...weights.table(table) }
}

/** y [R, D] = sum or mean of the vectors that each row looks up. Ids that there are no vectors for count as zeros. */
export function lookUp(
  rec: Recording,
  { rows, partRows, bindings }: Vectors,
  { ids, lengths, most }: Lookups,
  mode: 'sum' | 'mean',
  y: Tensor,
): void {
  rec.dispatch(
    gather,
    {
      R: y.rows,
      M: most,
      D4: y.cols / 4,
      V: rows,
      partRows,
      mode: gatherModes[mode],
      yColumn: y.offset / 4,
      yRow: y.stride / 4,
    },
    { ...bindings, ids, lengths, y },
  )
}

/** A batch's lookups by table row, on the host and on the device. */
export interface TableLookups {
  readonly host: GroupedLookups
  readonly capacity: number
  readonly groups: Tensor
  readonly sources: Tensor
  readonly weights: Tensor
  readonly chunkStarts: Tensor
}

/**
 * A row looked up more often than this in a batch has its gradient summed by chunks of as many. Batches with fewer
 * lookups than `fewLookups` go without: a second dispatch would cost more than their longest sum.
 */
const longestSum = 64
const fewLookups = 1024

/** Room for `capacity` lookups in a table of `tableRows` rows. @param whole for {@link updateTableOfSums} */
export function tableLookups(
  capacity: number,
  tableRows: number,
  own: (what: string, rows: number, cols: number) => Tensor,
  whole: boolean,
): TableLookups {
  const host = new GroupedLookups(capacity, tableRows, whole || capacity > fewLookups ? longestSum : capacity, whole)
  return {
    host,
    capacity,
    groups: own('groups', capacity, 4),
    sources: own('sources', 1, capacity),
    weights: own('weights', 1, capacity),
    chunkStarts: own('chunks', 1, host.chunkStarts.length),
  }
}

/**
 * Row-wise Adagrad on the rows that were looked up, from the gradient of what the lookups gave.
 * @param l2 penalty on a looked-up row, a lookup
 */
export function updateTable(rec: ModelRecorder, table: Table, lookups: TableLookups, gradient: Tensor, l2 = 0): void {
  const { capacity, sources, weights, chunkStarts: starts } = lookups
  const partials = partialsOf(rec, table, lookups)
  const C = lookups.host.chunkStarts.length - 1
  const shape = { C, D4: table.width / 4, ...placesOf(gradient), P: capacity, R: gradient.rows }
  if (C > 0) rec.dispatch(chunkSums, shape, { starts, sources, weights, gradient, partials })
  updateRows(rec, table, lookups, gradient, partials, l2)
}

/** Sums of a row's looked-up vectors, by some of its events' channels. */
export interface WeightedSums {
  /** [R, L, C] without gaps, C its columns. */
  readonly channels: Tensor
  /** W and the first of the channels that are weights. */
  readonly count: number
  readonly first: number
  readonly scale: number
}

/** The same from the gradient of sums dy [R, W·D], for lookups of events that are cut into chunks as a whole. */
export function updateTableOfSums(
  rec: ModelRecorder,
  table: Table,
  lookups: TableLookups,
  { channels, count, first, scale }: WeightedSums,
  dy: Tensor,
): void {
  const { capacity, sources, chunkStarts: starts } = lookups
  const partials = partialsOf(rec, table, lookups)
  const of = { L: channels.rows / dy.rows, C: channels.cols, W: count, D4: table.width / 4, first, scale }
  const shape = { N: partials.rows, ...of, ...placesOf(dy), P: capacity, R: dy.rows }
  rec.dispatch(sequenceSumsBackward, shape, { starts, sources, channels, gradient: dy, partials })
  // The gradient itself is not read.
  updateRows(rec, table, lookups, partials, partials, 0)
}

const placesOf = ({ offset, stride }: Tensor) => ({ gColumn: offset / 4, gRow: stride / 4 })

const partialsOf = (rec: Recording, { name, width }: Table, { host }: TableLookups): Tensor =>
  rec.tensor(`partial sums of ${name}`, Math.max(1, host.chunkStarts.length - 1), width)

function updateRows(
  rec: ModelRecorder,
  table: Table,
  { host, capacity, groups, sources, weights: factors }: TableLookups,
  gradient: Tensor,
  partials: Tensor,
  l2: number,
): void {
  for (const { firstRow, rows, values, squares } of rec.weights.table(table).parts)
    rec.dispatch(
      rowAdagrad,
      {
        D4: table.width / 4,
        ...placesOf(gradient),
        P: capacity,
        R: gradient.rows,
        J: capacity,
        groupOffset: 0,
        firstRow,
        partRows: rows,
        l2,
        longest: host.cutAbove,
        V: table.rows,
        C: host.chunkStarts.length - 1,
      },
      {
        groups,
        sources,
        weights: factors,
        gradient,
        partials,
        rates: rec.weights.rates,
        squares: squares!,
        table: values,
      },
    )
}
