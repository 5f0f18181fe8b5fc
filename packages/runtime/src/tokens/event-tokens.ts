/**
 * A row's last events as tokens. An event is
 *   h = v + Σ_c channel_c · mix_c,   v = table[id] + Σ_k category table[id_k],
 * and goes through transformer blocks with the others of its row. Tokens are M weighted sums of events, with weights
 * softmax(h · query_m / √d), then the last n events themselves, the latest first, zeros where there are none, and then sums
 * of v by each of the last W channels, for which no v is stored, and then events pooled by pointwise attention. One weighted sum without anything else is a single fused
 * kernel.
 * Shape letters: R rows, L events a row at most, C channels, M pooled and n recent tokens, W sums, d token width.
 */

import type { SideLayout } from '@headwater/features'
import { flag, integer, optional, type ReadKeys, record } from '../config/config-rules.ts'
import { updateTable } from '../inputs/table-lookups.ts'
import { product, rowGroups, rowMatrices } from '../layers/product.ts'
import { sumRows } from '../layers/sum-rows.ts'
import { copyTokens } from '../layers/token-matrix.ts'
import type { ParameterSet } from '../parameters/parameter-set.ts'
import { add, assign, columns, rowsOf, type Tensor } from '../plan/tensor.ts'
import { attentionPool } from './attention-pool.ts'
import { eventTokens } from './event-counts.ts'
import { sumEvents } from './event-sums.ts'
import { eventVectors } from './event-vectors.ts'
import { bucketKeys, declarePointwiseEvents, pointwiseKeys } from './pointwise-events.ts'
import { poolEvents } from './pooled-events.ts'
import { recentEvents } from './recent-events.ts'
import type { TokenKind, TokenLayer } from './token-kind.ts'
import { declareTransformerBlock } from './transformer-block.ts'

const keys = {
  blocks: optional(
    record('Transformer blocks over the events', {
      count: integer('Blocks', 1, 16),
      heads: integer('Heads of their attention; divide the token width into multiples of 4', 1, 64),
      hidden: integer('Hidden units of their MLPs', 1, 65_536),
      pointwise: optional(
        record('Causal SiLU attention in place of softmax, whose weights are not divided by their sum', bucketKeys),
      ),
    }),
  ),
  pooled: optional(integer('Tokens pooled from all events, one a query', 1, 256)),
  recent: optional(integer('The last events, as tokens of their own', 1, 512)),
  sums: flag("A token for each of the sequence's weights, of all events"),
  pointwise: optional(
    record('Tokens pooled by weights that are not divided by their sum: SiLU attention', pointwiseKeys),
  ),
}

function declare(
  set: ParameterSet,
  config: ReadKeys<typeof keys>,
  { sequence }: SideLayout,
  width: number,
): TokenLayer {
  const { length, buckets, channels: C, categories } = sequence!
  const { pooled, recent, sums, pointwise } = eventTokens(config, sequence)
  const name = 'user.sequence'
  const start = { uniform: 0.05 }
  const table = set.table(name, buckets, width, start)
  // The category of an event that has none is looked up too, and its embedding is added to those that are trained.
  const ofCategories = categories.map((own) => set.table(`${name}.${own.name}`, own.buckets, width, start, true))
  /** Whether anything reads h, and not v alone. */
  const isMixed = pooled + recent + pointwise > 0
  /** [C + M, d]: mix, then queries. */
  const pooling =
    isMixed && C + pooled > 0
      ? set.declare(`${name}.pooling`, C + pooled, width, { uniform: 1 / Math.sqrt(width) })
      : null
  const blocks = Array.from({ length: isMixed ? (config.blocks?.count ?? 0) : 0 }, (_, b) =>
    declareTransformerBlock(set, `${name}.block${b + 1}`, width, config.blocks!),
  )
  const pointwiseLayer = config.pointwise && declarePointwiseEvents(set, `${name}.pointwise`, width, config.pointwise)
  if (pooling && pooled === 1 && recent + sums + pointwise + categories.length === 0 && !config.blocks)
    return (rec, batch, y) => {
      const { events, channels, groups } = batch.sequence!
      const backward = attentionPool(rec, { table, parameters: pooling }, batch, events, channels, y)
      return (dy) => updateTable(rec, table, groups!, backward(dy))
    }

  const pooledOf = (y: Tensor) => columns(y, 0, pooled * width)
  const recentOf = (y: Tensor) => columns(y, pooled * width, recent * width)
  const sumsOf = (y: Tensor) => columns(y, (pooled + recent) * width, sums * width)
  const pointwiseOf = (y: Tensor) => columns(y, (pooled + recent + sums) * width, pointwise * width)
  return (rec, batch, y) => {
    const { events, channels: given, groups, categoryGroups } = batch.sequence!
    // As they were uploaded, [R·L, C] without padding.
    const channels = given && { ...given, rows: batch.rows * length, cols: C, stride: C }
    const parameters = pooling && rec.weights.value(pooling)
    const tables = [table, ...ofCategories]
    const sumsBackward = sums > 0 ? sumEvents(rec, tables, batch, channels!, sumsOf(y)) : null
    if (!isMixed) return (dy) => sumsBackward!.alone(dy)
    let h = eventVectors(rec, tables, batch)
    if (channels) product(rec, { a: channels, b: rowsOf(parameters!, 0, C), c: add(h) })
    const blocksBackward = blocks.map((block) => {
      const made = block(rec, batch.sequence!, h, batch.training)
      h = made.y
      return made.backward
    })
    const queries = parameters && rowsOf(parameters, C, pooled)
    const pooledBackward = pooled > 0 ? poolEvents(rec, queries!, events, h, pooledOf(y)) : null
    const pointwiseBackward = pointwiseLayer?.(rec, batch, h, pointwiseOf(y))
    const recentBackward = recent > 0 ? recentEvents(rec, batch, h, recentOf(y)) : null

    return (dy) => {
      const dh = rec.tensor('gradient of events', h.rows, width)
      const dRecent = recentBackward?.(recentOf(dy))
      const dLogits = pooledBackward?.(pooledOf(dy), dh, dRecent)
      if (dRecent && !dLogits) copyTokens(rec, dRecent, assign(dh))
      pointwiseBackward?.(pointwiseOf(dy), { into: dh, accumulate: pooled + recent > 0 })
      for (const backward of blocksBackward.toReversed()) backward(dh)
      if (pooling) {
        // A product for each row, and then the rows' sum: over all events it would be one long loop.
        const shares = rec.tensor('shares of the gradient of pooling', batch.rows, pooling.rows * width)
        const share = (a: Tensor, b: Tensor, from: number) => {
          const into = columns(shares, from * width, a.cols * width)
          const c = assign(rowMatrices(into, width))
          product(rec, { a: rowGroups(a, length), aTransposed: true, b: rowGroups(b, length), c })
        }
        if (channels) share(channels, dh, 0)
        if (dLogits) share(dLogits, h, C)
        sumRows(rec, shares, assign(rec.weights.gradientOf(pooling)))
      }
      sumsBackward?.beside(sumsOf(dy), dh)
      updateTable(rec, table, groups!, dh)
      for (const [k, own] of ofCategories.entries()) updateTable(rec, own, categoryGroups[k], dh)
    }
  }
}

export const events: TokenKind<typeof keys> = {
  description: "A user's last events, where the schema has a sequence",
  keys,
  sources(config, { sequence }) {
    const { pooled, recent, sums, pointwise } = eventTokens(config, sequence)
    return [
      { from: 'pooled events', tokens: pooled },
      { from: 'recent events', tokens: recent },
      { from: 'sums of events', tokens: sums },
      { from: 'events by pointwise attention', tokens: pointwise },
    ].filter(({ tokens }) => tokens > 0)
  },
  check({ blocks, pooled, recent, sums, pointwise }, d, layout, refuse) {
    if (!(pooled || recent || sums || pointwise))
      refuse('', 'makes no token', 'give it pooled, recent, sums or pointwise, or leave it out')
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
  needs: ({ blocks, pooled, recent = 0, pointwise }, layout) => {
    const ages = (pointwise ?? blocks?.pointwise) !== undefined
    return { layout, recent, onlySums: !(pooled || recent || pointwise), ages }
  },
  declare,
}
