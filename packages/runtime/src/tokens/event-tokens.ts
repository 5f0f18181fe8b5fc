/**
 * A row's last events as tokens. An event is
 *   h = v + Σ_c channel_c · mix_c,   v = table[id] + Σ_k category table[id_k],
 * and goes through transformer blocks with the others of its row. Tokens are M weighted sums of events, with weights
 * softmax(h · query_m / √d), then the last n events themselves, the latest first, zeros where there are none, and then sums
 * of v by each of the last W channels. One weighted sum without anything else is a single fused kernel.
 * Shape letters: R rows, L events a row at most, C channels, M pooled and n recent tokens, W sums, d token width.
 */

import type { SideLayout } from '@headwater/features'
import {
  columnSum,
  columnSumShape,
  dotCompressionBackwardLogits,
  dotCompressionBackwardTokens,
  dotCompressionForward,
  padded,
} from '@headwater/kernels'
import { flag, integer, optional, type ReadKeys, record } from '../config/config-rules.ts'
import type { InputBatch, SequenceInputs } from '../inputs/input-batch.ts'
import { asTable, lookUp, tableVectors, updateTable } from '../inputs/table-lookups.ts'
import { product } from '../layers/product.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ModelRecorder } from '../parameters/model-recorder.ts'
import type { Parameter, ParameterSet, Table } from '../parameters/parameter-set.ts'
import type { Recording } from '../plan/recorder.ts'
import { columns, type Into, type Tensor } from '../plan/tensor.ts'
import { type AttentionPool, attentionPool, attentionPoolGradient, type SavedPool } from './attention-pool.ts'
import { eventTokens, sumScale } from './event-counts.ts'
import type { TokenKind } from './token-kind.ts'
import {
  declareTransformerBlock,
  type SavedBlock,
  type TransformerBlock,
  transformerBlockBackward,
  transformerBlockForward,
} from './transformer-block.ts'

const keys = {
  blocks: optional(
    record('Transformer blocks over the events', {
      count: integer('Blocks', 1, 16),
      heads: integer('Heads of their attention; divide the token width into multiples of 4', 1, 64),
      hidden: integer('Hidden units of their MLPs', 1, 65_536),
    }),
  ),
  pooled: optional(integer('Tokens pooled from all events, one a query', 1, 256)),
  recent: optional(integer('The last events, as tokens of their own', 1, 512)),
  sums: flag("A token for each of the sequence's weights, of all events"),
}

export interface EventTokens {
  /** d */
  readonly width: number
  /** L */
  readonly length: number
  /** C */
  readonly channels: number
  /** M */
  readonly pooled: number
  /** n */
  readonly recent: number
  /** W */
  readonly sums: number
  readonly table: Table
  readonly categories: readonly Table[]
  /** [C + M, d]: mix, then queries; null without either, and where sums are all that there is. */
  readonly pooling: Parameter | null
  readonly blocks: readonly TransformerBlock[]
  /** One kernel makes the one token. */
  readonly isFused: boolean
}

/** What the backward takes: of the fused kernel, or of each step. */
type SavedEvents =
  | { readonly pool: SavedPool }
  | {
      readonly pool: null
      /** Events behind the blocks [R·L, d]; v where sums are all that there is. */
      readonly h: Tensor
      readonly blocks: readonly SavedBlock[]
      readonly pooled: SavedPooled | null
    }

export interface SavedPooled {
  readonly logits: Tensor
  readonly lses: Tensor
  /** [R, M·d] */
  readonly y: Tensor
}

function declare(
  set: ParameterSet,
  config: ReadKeys<typeof keys>,
  { sequence }: SideLayout,
  width: number,
): EventTokens {
  const { length, buckets, channels, categories } = sequence!
  const { pooled, recent, sums } = eventTokens(config, sequence)
  const isMixed = pooled + recent > 0
  const { blocks } = config
  const name = 'user.sequence'
  const start = { uniform: 0.05 }
  return {
    width,
    length,
    channels,
    pooled,
    recent,
    sums,
    table: set.table(name, buckets, width, start),
    // The category of an event that has none is looked up too, and its embedding is added to those that are trained.
    categories: categories.map((category) =>
      set.table(`${name}.${category.name}`, category.buckets, width, start, true),
    ),
    pooling:
      isMixed && channels + pooled > 0
        ? set.declare(`${name}.pooling`, channels + pooled, width, { uniform: 1 / Math.sqrt(width) })
        : null,
    blocks: Array.from({ length: isMixed && blocks ? blocks.count : 0 }, (_, b) =>
      declareTransformerBlock(set, `${name}.block${b + 1}`, width, blocks!),
    ),
    isFused: pooled === 1 && recent + sums === 0 && !blocks && categories.length === 0,
  }
}

/** Whether anything reads h. */
const isMixed = ({ pooled, recent }: EventTokens): boolean => pooled + recent > 0

const poolOf = ({ table, pooling, channels }: EventTokens): AttentionPool => ({
  table,
  parameters: pooling!,
  channels,
})

/** Rows `from … from + rows` of a parameter or its gradient. */
const rowsOf = (parameter: Tensor, from: number, rows: number): Tensor => ({
  ...parameter,
  rows,
  offset: parameter.offset + from * parameter.stride,
})

/** Channels as they were uploaded, [R·L, C] without padding. */
const eventChannels = ({ channels: C }: EventTokens, channels: Tensor, events: number): Tensor => ({
  ...channels,
  rows: events,
  cols: C,
  stride: C,
})

/** Assigns y [R, (M + n + W) · d], which may be columns of a wider tensor. */
function forward(rec: ModelRecorder, tokens: EventTokens, batch: InputBatch, y: Tensor): SavedEvents {
  const inputs = batch.sequence!
  if (tokens.isFused) return { pool: attentionPool(rec, poolOf(tokens), batch, inputs.events, inputs.channels, y) }
  let h = eventVectors(rec, tokens, batch, inputs)
  const { width, pooled, recent, sums } = tokens
  if (sums > 0) sumEvents(rec, tokens, inputs, h, columns(y, (pooled + recent) * width, sums * width))
  if (!isMixed(tokens)) return { pool: null, h, blocks: [], pooled: null }
  mixChannels(rec, tokens, inputs, h)
  const blocks: SavedBlock[] = []
  for (const block of tokens.blocks) {
    const made = transformerBlockForward(rec, block, inputs.events, h, batch.training)
    blocks.push(made.saved)
    h = made.y
  }
  const saved = pooled > 0 ? poolEvents(rec, tokens, inputs, h, columns(y, 0, pooled * width)) : null
  if (recent > 0) {
    const last = rec.tensor('recent events', y.rows * recent, width)
    const lookups = { ids: inputs.recent!.events, lengths: batch.ones(last.rows), most: 1 }
    lookUp(rec, asTable(h), lookups, 'sum', last)
    const to = columns(y, pooled * width, recent * width)
    copyTokens(rec, asRows(last, y.rows), { into: to, accumulate: false })
  }
  return { pool: null, h, blocks, pooled: saved }
}

/** Gapless vectors [R·n, d] as [R, n·d], and back. */
const asRows = (tensor: Tensor, rows: number): Tensor => {
  const cols = (tensor.rows * tensor.cols) / rows
  return { ...tensor, rows, cols, stride: cols }
}

/** v [R·L, d]. Places without an event hold some vector, which nothing reads, or has a weight of 0. */
function eventVectors(rec: ModelRecorder, tokens: EventTokens, batch: InputBatch, inputs: SequenceInputs): Tensor {
  const events = batch.rows * tokens.length
  const lengths = batch.ones(events)
  const gathered = (table: Table, ids: Tensor): Tensor => {
    const y = rec.tensor(`rows of ${table.name}`, events, tokens.width)
    lookUp(rec, tableVectors(rec.weights, table), { ids, lengths, most: 1 }, 'sum', y)
    return y
  }
  const v = gathered(tokens.table, inputs.events.ids)
  for (const [k, table] of tokens.categories.entries())
    copyTokens(rec, gathered(table, inputs.categories[k]), { into: v, accumulate: true })
  return v
}

/** Makes v h, before the blocks. */
function mixChannels(rec: ModelRecorder, tokens: EventTokens, { channels }: SequenceInputs, v: Tensor): void {
  if (channels === null) return
  product(
    rec,
    { M: v.rows, N: tokens.width, K: tokens.channels },
    {
      a: eventChannels(tokens, channels, v.rows),
      b: rowsOf(rec.weights.value(tokens.pooling!), 0, tokens.channels),
      c: { into: v, accumulate: true },
    },
  )
}

/** The channels that are sums' weights, [R·L, W]. */
function sumWeights(tokens: EventTokens, channels: Tensor, events: number): Tensor {
  const all = eventChannels(tokens, channels, events)
  return { ...all, cols: tokens.sums, offset: all.offset + all.cols - tokens.sums }
}

function sumEvents(rec: ModelRecorder, tokens: EventTokens, { channels }: SequenceInputs, v: Tensor, to: Tensor): void {
  const sums = rec.tensor('sums of events', to.rows, to.cols)
  rowProducts(rec, tokens, sumWeights(tokens, channels!, v.rows), v, sums)
  copyTokens(rec, sums, { into: to, accumulate: false }, sumScale)
}

/** Adds to dv [R·L, d], or assigns it, what comes through the sums, whose gradient is `dy` [R, W·d]. */
function sumEventsBackward(
  rec: ModelRecorder,
  tokens: EventTokens,
  { channels }: SequenceInputs,
  dy: Tensor,
  dv: Into,
): void {
  const { width, length, sums } = tokens
  const scaled = rec.tensor('gradient of sums of events', dy.rows, dy.cols)
  copyTokens(rec, dy, { into: scaled, accumulate: false }, sumScale)
  const a = sumWeights(tokens, channels!, dv.into.rows)
  product(
    rec,
    {
      M: length,
      N: width,
      K: sums,
      batch: dy.rows,
      aBatch: length * a.stride,
      bRow: width / 4,
      bBatch: scaled.stride / 4,
      cBatch: (length * width) / 4,
    },
    { a, b: scaled, c: dv },
  )
}

function compressionShape({ width, length, pooled }: EventTokens, rows: number) {
  return {
    B: rows,
    N: length,
    M: pooled,
    D4: width / 4,
    zOffset: 0,
    zRow: padded(pooled),
    xOffset: 0,
    xRow: width / 4,
    yOffset: 0,
    yRow: width / 4,
    scale: 1 / Math.sqrt(width),
    masked: 1 as const,
  }
}

const queriesOf = ({ channels, pooled }: EventTokens, pooling: Tensor): Tensor => rowsOf(pooling, channels, pooled)

function poolEvents(
  rec: ModelRecorder,
  tokens: EventTokens,
  { events }: SequenceInputs,
  h: Tensor,
  to: Tensor,
): SavedPooled {
  const { width, pooled } = tokens
  const logits = rec.tensor('event logits', h.rows, pooled)
  product(
    rec,
    { M: h.rows, N: pooled, K: width },
    {
      a: h,
      b: queriesOf(tokens, rec.weights.value(tokens.pooling!)),
      bTransposed: true,
      c: { into: logits, accumulate: false },
    },
  )
  const y = rec.tensor('pooled events', to.rows, pooled * width)
  const lses = rec.tensor('pooling statistics', 1, to.rows * pooled)
  const shape = compressionShape(tokens, to.rows)
  rec.dispatch(dotCompressionForward, shape, { z: logits, x: h, lengths: events.lengths, y, lses })
  copyTokens(rec, y, { into: to, accumulate: false })
  return { logits, lses, y }
}

/** Assigns every parameter's gradient and updates the tables that were looked up. `dy` is the gradient of y. */
function backward(rec: ModelRecorder, tokens: EventTokens, batch: InputBatch, saved: SavedEvents, dy: Tensor): void {
  const inputs = batch.sequence!
  if (saved.pool) {
    const gradient = attentionPoolGradient(rec, poolOf(tokens), saved.pool, dy)
    updateTable(rec, tokens.table, inputs.groups!, gradient)
    return
  }
  const { width, pooled, channels, blocks, sums } = tokens
  const dh = rec.tensor('gradient of events', saved.h.rows, width)
  const recent = tokens.recent > 0 ? recentBackward(rec, tokens, batch, dy) : null
  let dLogits: Tensor | null = null
  if (saved.pooled) {
    const from = columns(dy, 0, pooled * width)
    dLogits = poolEventsBackward(rec, tokens, inputs, saved.h, saved.pooled, from, dh, recent)
  } else if (recent) copyTokens(rec, recent, { into: dh, accumulate: false })
  for (let b = blocks.length - 1; b >= 0; b--)
    transformerBlockBackward(rec, blocks[b], inputs.events, saved.blocks[b], dh)

  if (tokens.pooling) {
    // A product for each row, and then the rows' sum: over all events it would be one long loop.
    const shares = rec.tensor('shares of the gradient of pooling', batch.rows, tokens.pooling.rows * width)
    if (inputs.channels)
      rowProducts(
        rec,
        tokens,
        eventChannels(tokens, inputs.channels, dh.rows),
        dh,
        columns(shares, 0, channels * width),
      )
    if (dLogits) rowProducts(rec, tokens, dLogits, saved.h, columns(shares, channels * width, pooled * width))
    const output = rec.weights.gradientOf(tokens.pooling)
    rec.dispatch(columnSum, columnSumShape({ R: batch.rows, N4: shares.cols / 4, outOffset: output.offset / 4 }), {
      input: shares,
      output,
    })
  }
  if (sums > 0) {
    const from = columns(dy, (pooled + tokens.recent) * width, sums * width)
    sumEventsBackward(rec, tokens, inputs, from, { into: dh, accumulate: isMixed(tokens) })
  }
  updateTable(rec, tokens.table, inputs.groups!, dh)
  for (const [k, table] of tokens.categories.entries()) updateTable(rec, table, inputs.categoryGroups[k], dh)
}

/** The gradient that each event has as a token of its own, [R·L, d]. */
function recentBackward(rec: Recording, { width, pooled, recent }: EventTokens, batch: InputBatch, dy: Tensor) {
  const last = rec.tensor('gradient of recent events', dy.rows, recent * width)
  copyTokens(rec, columns(dy, pooled * width, recent * width), { into: last, accumulate: false })
  const { events } = batch.sequence!
  const gradient = rec.tensor('gradient of events as tokens', dy.rows * events.most, width)
  const lookups = { ids: batch.sequence!.recent!.tokens, lengths: batch.ones(gradient.rows), most: 1 }
  lookUp(rec, asTable({ ...last, rows: dy.rows * recent, cols: width, stride: width }), lookups, 'sum', gradient)
  return gradient
}

/** Assigns dh = what comes through the weighted sums + `more`. @returns the gradient of the logits */
function poolEventsBackward(
  rec: ModelRecorder,
  tokens: EventTokens,
  { events: { lengths } }: SequenceInputs,
  h: Tensor,
  { logits, lses, y }: SavedPooled,
  from: Tensor,
  dh: Tensor,
  more: Tensor | null,
): Tensor {
  const { width, pooled } = tokens
  const dy = rec.tensor('gradient of pooled events', from.rows, pooled * width)
  copyTokens(rec, from, { into: dy, accumulate: false })
  const shape = compressionShape(tokens, from.rows)
  rec.dispatch(dotCompressionBackwardTokens, shape, { z: logits, lengths, lses, dy, dx: dh })
  const dLogits = rec.tensor('gradient of event logits', h.rows, pooled)
  rec.dispatch(dotCompressionBackwardLogits, shape, { z: logits, x: h, lengths, lses, y, dy, dz: dLogits })
  product(
    rec,
    { M: h.rows, N: width, K: pooled },
    {
      a: dLogits,
      b: queriesOf(tokens, rec.weights.value(tokens.pooling!)),
      residual: more ?? undefined,
      c: { into: dh, accumulate: true },
    },
  )
  return dLogits
}

/** c[r] = Σ over the row's events of aᵀ b: [m, d] for a [R·L, m] and b [R·L, d], each row's in a row of c [R, m·d]. */
function rowProducts(rec: ModelRecorder, { width, length }: EventTokens, a: Tensor, b: Tensor, c: Tensor): void {
  product(
    rec,
    {
      M: a.cols,
      N: width,
      K: length,
      batch: c.rows,
      aRow: 1,
      aCol: a.stride,
      aBatch: length * a.stride,
      bBatch: (length * b.stride) / 4,
      cRow: width / 4,
      cBatch: c.stride / 4,
    },
    { a, b, c: { into: c, accumulate: false } },
  )
}

export const events: TokenKind<typeof keys, EventTokens, SavedEvents> = {
  description: "A user's last events, where the schema has a sequence",
  keys,
  sources(config, { sequence }) {
    const { pooled, recent, sums } = eventTokens(config, sequence)
    return [
      { from: 'pooled events', tokens: pooled },
      { from: 'recent events', tokens: recent },
      { from: 'sums of events', tokens: sums },
    ].filter(({ tokens }) => tokens > 0)
  },
  check({ blocks, pooled, recent, sums }, d, layout, refuse) {
    if (!(pooled || recent || sums)) refuse('', 'makes no token', 'give it pooled, recent or sums, or leave it out')
    if (blocks && d % (blocks.heads * 4) !== 0)
      refuse(
        'blocks.heads',
        `${blocks.heads} heads do not divide a token of ${d} into multiples of 4`,
        'give a divisor of a quarter of user.tokenWidth',
      )
    if (!layout?.sequence) return
    const { length, weights } = layout.sequence
    if (recent && recent > length)
      refuse('recent', `${recent} is over the ${length} events of a sequence`, `give at most ${length}`)
    if (sums && weights === 0)
      refuse('sums', 'has no weights to sum events by', "give the schema's sequence halfLivesDays, or leave it out")
  },
  needs: ({ recent = 0 }, layout) => ({ layout, recent }),
  declare,
  forward,
  backward,
}
