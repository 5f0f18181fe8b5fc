/**
 * The device side of one side's features for batches of up to R rows.
 * Shape letters: R rows, F dense values, M ids of a bag at most, L events, C channels, n recent events.
 */
import {
  arraysOf,
  type BagLayout,
  BatchError,
  batchArrays,
  checkNumbers,
  type SideBatch,
  type SideLayout,
} from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { padded } from '@headwater/kernels'
import { Allocation } from '../plan/allocation.ts'
import type { Tensor } from '../plan/tensor.ts'
import { queueWrite, type Write } from '../plan/upload-ring.ts'
import { type Lookups, type TableLookups, tableLookups } from './table-lookups.ts'

/** How the values of a bag become one vector. */
export type BagPooling = 'mean' | 'sum' | 'attention'

/** What a model reads of a side's features. */
export interface InputNeeds {
  readonly layout: SideLayout
  readonly bags: BagPooling
  /** n, last events that become tokens of their own. */
  readonly recent: number
  /** Of events nothing but weighted sums of what they look up is read. */
  readonly onlySums?: boolean
  /** Something reads the vector of each event, too. */
  readonly vectors?: boolean
  /** Of events their ages. */
  readonly ages?: boolean
}

/** Of a bag of one value at most every mean is that value: attention has nothing to weigh. */
export function poolingOf({ maxValues }: BagLayout, bags: BagPooling): BagPooling {
  return maxValues === 1 && bags === 'attention' ? 'mean' : bags
}

/** Event of each recent token [1, R·n] and recent token of each event [1, R·L]; those that there are not, out of range. */
interface RecentInputs {
  readonly events: Tensor
  readonly tokens: Tensor
  readonly host: { readonly events: Uint32Array; readonly tokens: Uint32Array }
}

/** Each event's own lookups of its id and categories, and of the events that are tokens of their own. */
export interface SequenceInputs {
  /** Of the rows: [R, L]. */
  readonly events: Lookups
  /** [R·L, C]; null without channels. */
  readonly channels: Tensor | null
  /** Per category, ids [1, R·L]. */
  readonly categories: readonly Tensor[]
  readonly recent: RecentInputs | null
  /** Where ages are needed: first event and number of events of each row, u32 [1, 2·R], and ages, u32 seconds [1, R·L]. */
  readonly rows: Tensor | null
  readonly ages: Tensor | null
  /** In training: lookups of the events' ids, and of each category. */
  readonly groups: TableLookups | null
  /** Those of what reads the vector of each event, where `groups` are of sums alone. */
  readonly vectorGroups: TableLookups | null
  readonly categoryGroups: readonly TableLookups[]
}

export class InputBatch {
  readonly rows: number
  readonly needs: InputNeeds
  readonly training: boolean
  /** [R, F]; null without dense values. */
  readonly dense: Tensor | null
  readonly bags: readonly Lookups[]
  /** Per bag; empty unless training. A row of its own for each value where attention weighs them, else one a bag. */
  readonly bagGroups: readonly TableLookups[]
  readonly sequence: SequenceInputs | null
  readonly #allocation: Allocation
  /** Dense values with their padding, where they have any. */
  readonly #padded: Float32Array | null
  readonly #device: GpuDevice | null
  readonly #constants = new Map<string, Tensor>()

  /** @param device null: laid out and counted only */
  constructor(device: GpuDevice | null, needs: InputNeeds, rows: number, training: boolean) {
    this.#device = device
    this.#allocation = new Allocation(device)
    this.needs = needs
    this.rows = rows
    this.training = training
    const { layout } = needs
    const F = layout.dense.length
    this.dense = F > 0 ? this.#own('dense values', rows, F) : null
    this.#padded = F > 0 && padded(F) !== F ? new Float32Array(rows * padded(F)) : null
    this.bags = layout.bags.map(({ name, maxValues }) => ({
      ids: this.#own(`ids of ${name}`, 1, rows * maxValues),
      lengths: this.#own(`lengths of ${name}`, 1, rows),
      most: maxValues,
    }))
    const groups = (name: string, capacity: number, buckets: number, whole = false) =>
      tableLookups(capacity, buckets, (what, r, c) => this.#own(`${what} of ${name}`, r, c), whole)
    this.bagGroups = training
      ? layout.bags.map(({ name, maxValues, buckets }) => groups(name, rows * maxValues, buckets))
      : []
    const { sequence } = layout
    const events = rows * (sequence?.length ?? 0)
    const recent = rows * needs.recent
    this.sequence = sequence && {
      events: {
        ids: this.#own('ids of events', 1, events),
        lengths: this.#own('lengths of sequences', 1, rows),
        most: sequence.length,
      },
      // Without gaps, as the upload is: padding would be most of it.
      channels: sequence.channels > 0 ? this.#own('channels of events', 1, events * sequence.channels) : null,
      categories: sequence.categories.map(({ name }) => this.#own(`${name} of events`, 1, events)),
      recent:
        recent > 0
          ? {
              events: this.#own('recent events', 1, recent),
              tokens: this.#own('tokens of recent events', 1, events),
              host: { events: new Uint32Array(recent).fill(events), tokens: new Uint32Array(events).fill(recent) },
            }
          : null,
      rows: needs.ages ? this.#own('rows of events', 1, rows * 2) : null,
      ages: needs.ages ? this.#own('ages of events', 1, events) : null,
      groups: training ? groups('events', events, sequence.buckets, needs.onlySums) : null,
      vectorGroups:
        training && needs.onlySums && needs.vectors ? groups('vectors of events', events, sequence.buckets) : null,
      categoryGroups: training
        ? sequence.categories.map(({ name, buckets }) => groups(name, events, buckets, needs.onlySums))
        : [],
    }
  }

  #own(label: string, rows: number, cols: number): Tensor {
    return this.#allocation.tensor(label, rows, cols)
  }

  /** u32 [1, count], 0, 1, 2, …: every vector of a table looked up once. */
  places(count: number): Tensor {
    return this.#constant(`places ${count}`, count, (i) => i)
  }

  /** u32 [1, count] of ones, the lengths of lookups of a single id. */
  ones(count: number): Tensor {
    return this.#constant(`ones ${count}`, count, () => 1)
  }

  /** [1, count] of zeros. */
  zeros(count: number): Tensor {
    return this.#constant(`zeros ${count}`, count, () => 0)
  }

  #constant(label: string, count: number, value: (i: number) => number): Tensor {
    let tensor = this.#constants.get(label)
    if (!tensor) {
      tensor = this.#own(label, 1, count)
      this.#constants.set(label, tensor)
      if (this.#device)
        queueWrite(this.#device)(
          tensor,
          Uint32Array.from({ length: count }, (_, i) => value(i)),
        )
    }
    return tensor
  }

  /** Bytes on the device; an upload writes at most as many. */
  get sizeBytes(): number {
    return this.#allocation.sizeBytes
  }

  /** Bytes of the largest tensor. */
  get largestBytes(): number {
    return this.#allocation.largestBytes
  }

  /**
   * Writes a batch of at most R rows; the rows behind keep older ones, whose results callers weigh with zero.
   * @param firstRow number that the batch's first row has in messages
   * @throws RangeError for more rows; BatchError for a batch of another layout, BatchNumberError for one with a number that
   * is not finite; nothing is written then
   */
  upload(batch: SideBatch, write: Write, firstRow = 0): void {
    const { rows } = batch
    if (rows > this.rows) throw new RangeError(`A batch of ${rows} rows for inputs of at most ${this.rows}.`)
    checkLayout(this.needs.layout, batch)
    checkNumbers(this.needs.layout, batch, firstRow)
    this.#uploadDense(batch, write)
    for (const [i, { ids, lengths, most }] of this.bags.entries()) {
      write(ids, head(batch.bags[i].ids, rows * most))
      write(lengths, head(batch.bags[i].lengths, rows))
    }
    for (const [i, groups] of this.bagGroups.entries()) {
      const layout = this.needs.layout.bags[i]
      const { ids, lengths } = batch.bags[i]
      group(groups, ids, lengths, rows, layout.maxValues, poolingOf(layout, this.needs.bags), write)
    }
    if (this.sequence) this.#uploadSequence(this.sequence, batch.sequence!, rows, write)
  }

  #uploadDense({ dense, rows }: SideBatch, write: Write): void {
    if (!this.dense) return
    const { cols: F, stride } = this.dense
    if (this.#padded)
      for (let r = 0; r < rows; r++) for (let f = 0; f < F; f++) this.#padded[r * stride + f] = dense[r * F + f]
    write(this.dense, head(this.#padded ?? dense, rows * stride))
  }

  #uploadSequence(
    inputs: SequenceInputs,
    { ids, channels, lengths, categories }: NonNullable<SideBatch['sequence']>,
    rows: number,
    write: Write,
  ): void {
    const L = inputs.events.most
    write(inputs.events.ids, head(ids, rows * L))
    write(inputs.events.lengths, head(lengths, rows))
    if (inputs.channels)
      write(inputs.channels, zerosBehind(channels, lengths, rows, L, this.needs.layout.sequence!.channels))
    for (const [k, tensor] of inputs.categories.entries()) write(tensor, head(categories[k], rows * L))
    // Each event has a gradient of its own, as a value that attention weighs.
    for (const groups of [inputs.groups, inputs.vectorGroups])
      if (groups) group(groups, ids, lengths, rows, L, 'attention', write)
    for (const [k, groups] of inputs.categoryGroups.entries())
      group(groups, categories[k], lengths, rows, L, 'attention', write)
    if (inputs.recent) this.#uploadRecent(inputs.recent, lengths, rows, L, write)
    if (inputs.rows && inputs.ages) {
      write(
        inputs.rows,
        Uint32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? (i / 2) * L : lengths[i >> 1])),
      )
      const C = this.needs.layout.sequence!.channels
      write(
        inputs.ages,
        Uint32Array.from({ length: rows * L }, (_, event) =>
          event % L < lengths[Math.floor(event / L)] ? ageOf(channels[event * C + ageChannel]) : 0,
        ),
      )
    }
  }

  #uploadRecent(recent: RecentInputs, lengths: Uint32Array, rows: number, L: number, write: Write): void {
    const n = this.needs.recent
    const { events, tokens } = recent.host
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < n; j++) events[r * n + j] = j < lengths[r] ? r * L + lengths[r] - 1 - j : this.rows * L
      for (let l = 0; l < L; l++) {
        const j = lengths[r] - 1 - l
        tokens[r * L + l] = j >= 0 && j < n ? r * n + j : this.rows * n
      }
    }
    write(recent.events, events)
    write(recent.tokens, tokens)
  }

  dispose(): void {
    this.#allocation.dispose()
  }
}

/** Of a sequence's channels, log(1 + age in seconds) ÷ 16. */
export const ageChannel = 1

/** Whole seconds, as far as 32 bits go. */
const ageOf = (channel: number): number => Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Math.exp(16 * channel) - 0.5)))

/** What a batch lacks would be taken from the rows of an older one. */
function checkLayout(layout: SideLayout, batch: SideBatch): void {
  const arrays = arraysOf(batch)
  // A tower may do without the sequence that rows have, which comes last.
  const isWhole =
    batch.bags.length === layout.bags.length &&
    batchArrays(layout).every(({ width }, i) => arrays[i] !== undefined && arrays[i].length >= batch.rows * width)
  if (!isWhole) throw new BatchError('the batch has another layout; allocate it from the same feature space and side')
}

const head = <A extends Float32Array | Uint32Array>(data: A, length: number): A =>
  data.length === length ? data : (data.subarray(0, length) as A)

/** Channels [R, L, C] with zeros where there is no event, by which sums weigh; a copy where something else stood there. */
function zerosBehind(channels: Float32Array, lengths: Uint32Array, rows: number, L: number, C: number): Float32Array {
  let clean = head(channels, rows * L * C)
  for (let r = 0; r < rows; r++)
    for (let i = (r * L + lengths[r]) * C; i < (r + 1) * L * C; i++)
      if (clean[i] !== 0) {
        if (clean.buffer === channels.buffer) clean = clean.slice()
        clean.fill(0, i, (r + 1) * L * C)
        break
      }
  return clean
}

/** Groups lookups [R, M] by table row, as gradients of vectors pooled in some way belong to them. */
function group(
  { host, groups, sources, weights, chunkStarts }: TableLookups,
  ids: Uint32Array,
  lengths: Uint32Array,
  rows: number,
  M: number,
  pooling: BagPooling,
  write: Write,
): void {
  host.clear()
  for (let r = 0; r < rows; r++) {
    const weight = pooling === 'mean' ? 1 / lengths[r] : 1
    for (let at = r * M; at < r * M + lengths[r]; at++) host.add(ids[at], pooling === 'attention' ? at : r, weight)
  }
  host.group()
  write(groups, host.groups)
  write(sources, head(host.sources, host.lookups))
  write(weights, head(host.weights, host.lookups))
  write(chunkStarts, host.chunkStarts)
}
