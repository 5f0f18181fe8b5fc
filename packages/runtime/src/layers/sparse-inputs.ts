/**
 * One side's features as the first matrix of a tower, X [R, dense | bag | bag | … | sequence]: dense values are uploaded
 * into their columns, bags are looked up and averaged, the event sequence is attention-pooled.
 */
import type { BagLayout, SideBatch, SideLayout } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import {
  attentionPoolBackward,
  attentionPoolForward,
  chunkSums,
  columnSum,
  columnSumShape,
  gather,
  gatherModes,
  padded,
  rowAdagrad,
} from '@headwater/kernels'
import type { Parameter, ParameterSet, Table, Weights } from '../parameters.ts'
import type { Recorder } from '../plan/recorder.ts'
import { columns, persistent, type Tensor } from '../plan/tensor.ts'
import { GroupedLookups } from './grouped-lookups.ts'

/** What is learned of the inputs: a table per bag, and for the sequence a table, its channel mix and its query. */
export interface SparseInputs {
  readonly layout: SideLayout
  /** D, width of a looked-up embedding. */
  readonly width: number
  readonly denseColumns: number
  /** Columns of X. */
  readonly columns: number
  readonly bagTables: readonly Table[]
  readonly sequenceTable: Table | null
  readonly sequencePooling: Parameter | null
}

/** @param width columns a looked-up embedding takes, a multiple of 4. */
export function declareSparseInputs(set: ParameterSet, name: string, layout: SideLayout, width: number): SparseInputs {
  const denseColumns = padded(layout.dense.length)
  const initialization = { uniform: 0.05 }
  const bagTables = layout.bags.map((bag) => set.table(`${name}.${bag.name}`, bag.buckets, width, initialization))
  const { sequence } = layout
  return {
    layout,
    width,
    denseColumns,
    columns: denseColumns + width * (layout.bags.length + (sequence ? 1 : 0)),
    bagTables,
    sequenceTable: sequence ? set.table(`${name}.sequence`, sequence.buckets, width, initialization) : null,
    sequencePooling: sequence
      ? set.declare(`${name}.sequence-pooling`, sequence.channels + 1, width, { uniform: 1 / Math.sqrt(width) })
      : null,
  }
}

interface IndexBuffers {
  readonly ids: Tensor
  readonly lengths: Tensor
}

interface GroupBuffers {
  readonly host: GroupedLookups
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

/** The device side of `SparseInputs` for batches of R rows: uploads, forward and backward. */
export class SparseInputBatch {
  readonly rows: number
  readonly inputs: SparseInputs
  /** X [R, columns] */
  readonly x: Tensor
  readonly #device: GpuDevice
  readonly #staging: Float32Array
  readonly #bags: IndexBuffers[]
  readonly #sequence: (IndexBuffers & { channels: Tensor }) | null
  readonly #bagGroups: GroupBuffers[]
  readonly #sequenceGroups: GroupBuffers | null
  #buffers: GPUBuffer[] = []

  constructor(device: GpuDevice, inputs: SparseInputs, rows: number, training: boolean) {
    this.#device = device
    this.inputs = inputs
    this.rows = rows
    const { layout } = inputs
    this.x = this.#own('X', rows, inputs.columns)
    this.#staging = new Float32Array(rows * inputs.columns)
    this.#bags = layout.bags.map((bag) => ({
      ids: this.#own(`ids of ${bag.name}`, 1, rows * bag.maxValues),
      lengths: this.#own(`lengths of ${bag.name}`, 1, rows),
    }))
    const { sequence } = layout
    this.#sequence = sequence && {
      ids: this.#own('sequence ids', 1, rows * sequence.length),
      lengths: this.#own('sequence lengths', 1, rows),
      channels: this.#own('sequence channels', 1, rows * sequence.length * sequence.channels),
    }
    this.#bagGroups = training ? layout.bags.map((bag) => this.#ownGroups(rows * bag.maxValues, bag)) : []
    this.#sequenceGroups =
      training && sequence
        ? this.#ownGroups(rows * sequence.length, { name: 'sequence', buckets: sequence.buckets, maxValues: 1 })
        : null
  }

  #own(label: string, rows: number, cols: number): Tensor {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = this.#device.buffer(label, rows * padded(cols) * 4, usage)
    this.#buffers.push(buffer)
    return persistent(buffer, rows, cols)
  }

  #ownGroups(capacity: number, { name, buckets }: BagLayout): GroupBuffers {
    const host = new GroupedLookups(capacity, buckets, capacity > fewLookups ? longestSum : capacity)
    return {
      host,
      groups: this.#own(`groups of ${name}`, capacity, 4),
      sources: this.#own(`sources of ${name}`, 1, capacity),
      weights: this.#own(`weights of ${name}`, 1, capacity),
      chunkStarts: this.#own(`chunks of ${name}`, 1, host.chunkStarts.length),
    }
  }

  /** Uploads a batch of at most R rows; the rest of X keeps older rows, which callers weigh with zero. */
  upload(batch: SideBatch): void {
    const { layout, columns: width } = this.inputs
    const D = layout.dense.length
    for (let r = 0; r < batch.rows; r++) this.#staging.set(batch.dense.subarray(r * D, (r + 1) * D), r * width)
    this.#write(this.x, this.#staging.subarray(0, batch.rows * width))
    for (const [i, { ids, lengths }] of this.#bags.entries()) {
      this.#write(ids, batch.bags[i].ids.subarray(0, batch.rows * layout.bags[i].maxValues))
      this.#write(lengths, batch.bags[i].lengths.subarray(0, batch.rows))
    }
    if (this.#sequence && batch.sequence) {
      const { length, channels } = layout.sequence!
      this.#write(this.#sequence.ids, batch.sequence.ids.subarray(0, batch.rows * length))
      this.#write(this.#sequence.lengths, batch.sequence.lengths.subarray(0, batch.rows))
      this.#write(this.#sequence.channels, batch.sequence.channels.subarray(0, batch.rows * length * channels))
    }
    for (const [i, groups] of this.#bagGroups.entries()) this.#groupBag(groups, batch, i)
    if (this.#sequenceGroups) this.#groupSequence(this.#sequenceGroups, batch)
  }

  #groupBag(groups: GroupBuffers, batch: SideBatch, bag: number): void {
    const { maxValues } = this.inputs.layout.bags[bag]
    const { ids, lengths } = batch.bags[bag]
    groups.host.clear()
    for (let r = 0; r < batch.rows; r++)
      for (let m = 0; m < lengths[r]; m++) groups.host.add(ids[r * maxValues + m], r, 1 / lengths[r])
    this.#writeGroups(groups)
  }

  #groupSequence(groups: GroupBuffers, batch: SideBatch): void {
    const { ids, lengths } = batch.sequence!
    const { length } = this.inputs.layout.sequence!
    groups.host.clear()
    for (let r = 0; r < batch.rows; r++)
      for (let l = 0; l < lengths[r]; l++) groups.host.add(ids[r * length + l], r * length + l, 1)
    this.#writeGroups(groups)
  }

  #writeGroups({ host, groups, sources, weights, chunkStarts }: GroupBuffers): void {
    host.group()
    this.#write(groups, host.groups)
    this.#write(sources, host.sources.subarray(0, host.lookups))
    this.#write(weights, host.weights.subarray(0, host.lookups))
    this.#write(chunkStarts, host.chunkStarts)
  }

  #write({ storage }: Tensor, data: Float32Array | Uint32Array): void {
    if (data.length > 0) this.#device.gpuDevice.queue.writeBuffer(storage.buffer!, 0, data as Float32Array<ArrayBuffer>)
  }

  forward(rec: Recorder, weights: Weights): void {
    const { inputs, rows, x } = this
    const D4 = inputs.width / 4
    for (const [i, table] of inputs.bagTables.entries()) {
      const { maxValues, buckets } = inputs.layout.bags[i]
      const { ids, lengths } = this.#bags[i]
      const values = weights.tableValues(table)
      rec.dispatch(
        gather,
        {
          R: rows,
          M: maxValues,
          D4,
          V: buckets,
          partRows: buckets,
          mode: gatherModes.mean,
          yColumn: this.#bagColumn(i) / 4,
          yRow: x.stride / 4,
        },
        {
          table0: values,
          table1: values,
          table2: values,
          table3: values,
          ids,
          lengths,
          // A mean reads no weights.
          weights: lengths,
          y: x,
        },
      )
    }
    if (this.#sequence)
      rec.dispatch(attentionPoolForward, this.#poolShape(weights), { ...this.#poolInputs(weights), y: x })
  }

  /** Assigns the gradient of the sequence pooling and updates every table that was looked up. `dx` is the gradient of X. */
  backward(rec: Recorder, weights: Weights, dx: Tensor, l2 = 0): void {
    const { inputs, rows } = this
    const D4 = inputs.width / 4
    for (const [i, table] of inputs.bagTables.entries()) {
      const { maxValues } = inputs.layout.bags[i]
      this.#update(
        rec,
        weights,
        table,
        this.#bagGroups[i],
        columns(dx, this.#bagColumn(i), inputs.width),
        rows * maxValues,
        l2,
      )
    }
    if (!this.#sequence) return
    const { length, channels } = inputs.layout.sequence!
    const tokens = rec.tensor('gradient of sequence tokens', rows * length, inputs.width)
    const partial = rec.tensor('partial gradient of sequence pooling', rows, (channels + 1) * inputs.width)
    rec.dispatch(attentionPoolBackward, this.#poolShape(weights), {
      ...this.#poolInputs(weights),
      dy: dx,
      dx: tokens,
      partial,
    })
    const output = weights.gradientOf(inputs.sequencePooling!)
    rec.dispatch(
      columnSum,
      columnSumShape({ R: rows, N4: (channels + 1) * D4, inRow: partial.stride / 4, outOffset: output.offset / 4 }),
      { input: partial, output },
    )
    this.#update(rec, weights, inputs.sequenceTable!, this.#sequenceGroups!, tokens, rows * length, l2)
  }

  #update(
    rec: Recorder,
    weights: Weights,
    table: Table,
    { host, groups, sources, weights: factors, chunkStarts }: GroupBuffers,
    gradient: Tensor,
    capacity: number,
    l2: number,
  ): void {
    const lookups = {
      D4: table.width / 4,
      gColumn: gradient.offset / 4,
      gRow: gradient.stride / 4,
      P: capacity,
      R: gradient.rows,
    }
    const chunks = host.chunkStarts.length - 1
    const partials = rec.tensor(`partial sums of ${table.name}`, Math.max(1, chunks), table.width)
    if (chunks > 0)
      rec.dispatch(
        chunkSums,
        { ...lookups, C: chunks },
        { starts: chunkStarts, sources, weights: factors, gradient, partials },
      )
    rec.dispatch(
      rowAdagrad,
      {
        ...lookups,
        J: capacity,
        groupOffset: 0,
        firstRow: 0,
        partRows: table.rows,
        l2,
        longest: host.longest,
        V: table.rows,
        C: chunks,
      },
      {
        groups,
        sources,
        weights: factors,
        gradient,
        partials,
        rates: weights.rates,
        squares: weights.tableSquares(table),
        table: weights.tableValues(table),
      },
    )
  }

  #bagColumn(bag: number): number {
    return this.inputs.denseColumns + bag * this.inputs.width
  }

  #poolShape(weights: Weights) {
    const { inputs, rows, x } = this
    const { length, channels } = inputs.layout.sequence!
    return {
      R: rows,
      L: length,
      C: channels,
      D4: inputs.width / 4,
      V: inputs.sequenceTable!.rows,
      pOffset: weights.value(inputs.sequencePooling!).offset / 4,
      yColumn: this.#bagColumn(inputs.bagTables.length) / 4,
      yRow: x.stride / 4,
    }
  }

  #poolInputs(weights: Weights) {
    return {
      table: weights.tableValues(this.inputs.sequenceTable!),
      ...this.#sequence!,
      parameters: weights.values,
    }
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.#device.release(buffer)
    this.#buffers = []
  }
}
