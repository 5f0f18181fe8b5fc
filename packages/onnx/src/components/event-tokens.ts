/**
 * A user's last events as tokens: embedded, passed through transformer blocks, pooled by attention, the newest ones as they
 * are, and sums of their vectors by the last W channels. Shape letters: R rows, L events of C channels, d token width, M
 * pooled tokens.
 */
import { type EventTokens, sumScale, type TokenConfig } from '@headwater/runtime'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'
import { transformerBlock } from './transformer-block.ts'

export interface EventInputs {
  /** int32 [R, L] */
  readonly ids: Value
  /** [R, L, C] */
  readonly channels: Value
  /** int32 [R] */
  readonly lengths: Value
  /** int32 [R, L] each, with the category's table. */
  readonly categories: readonly { readonly table: string; readonly ids: Value }[]
}

/**
 * @param made how many tokens of each kind
 * @returns those that there are of the pooled, the recent and the sums, [R, pooled, d] and so on; zeros without events
 */
export function eventTokens(
  graph: Graph,
  config: TokenConfig<'events'>,
  made: EventTokens,
  inputs: EventInputs,
): Value[] {
  // A tower may make no token of events, and has no table of them then.
  if (made.pooled + made.recent + made.sums === 0) return []
  const mask = graph.belowLength(inputs.lengths, inputs.channels.dims[0])
  const v = eventVectors(graph, inputs, mask)
  const mixed = made.pooled + made.recent > 0 ? mixedTokens(graph, config, inputs, v, mask) : []
  return made.sums > 0 ? [...mixed, sums(graph, made.sums, inputs.channels, v, mask)] : mixed
}

/** The pooled and the recent tokens. */
function mixedTokens(
  graph: Graph,
  config: TokenConfig<'events'>,
  { channels, lengths }: EventInputs,
  v: Value,
  mask: Value,
): Value[] {
  const [L, C] = channels.dims
  const pooling = graph.weight('user.sequence.pooling')
  let h = only(graph, graph.binary('Add', v, graph.product(channels, graph.slice(pooling, -2, 0, C))), mask)
  const { count, heads } = config.blocks ?? { count: 0, heads: 0 }
  for (let block = 1; block <= count; block++) {
    const name = `user.sequence.block${block}`
    h = graph.within(`block${block}`, () => transformerBlock(graph, name, heads, h, mask))
  }
  // What lies behind the length was carried along; from here on it would be read.
  h = only(graph, h, mask)
  const tokens: Value[] = []
  if (config.pooled) {
    const queries = graph.slice(pooling, -2, C, C + config.pooled)
    const scores = graph.op('MatMul', [queries, graph.permute(h, [1, 0])], [config.pooled, L])
    const weights = graph.maskedSoftmax(scores, 1 / Math.sqrt(h.dims[1]), graph.unsqueeze(mask, 1))
    tokens.push(graph.product(weights, h))
  }
  if (config.recent) tokens.push(recent(graph, config.recent, h, lengths))
  return tokens
}

/** Sums of v by each of the last channels. */
function sums(graph: Graph, count: number, channels: Value, v: Value, mask: Value): Value {
  const [, C] = channels.dims
  const weights = only(graph, graph.slice(channels, -1, C - count, C), mask)
  return graph.binary('Mul', graph.product(graph.permute(weights, [1, 0]), v), graph.scalar(sumScale))
}

/** Rows [L, d] of x where the mask [R, L] holds, zeros elsewhere, whatever was there. */
function only(graph: Graph, x: Value, mask: Value): Value {
  return graph.op('Where', [graph.unsqueeze(mask, 2), x, graph.scalar(0)], x.dims)
}

/** Rows of the tables, summed, [R, L, d]. */
function eventVectors(graph: Graph, { ids, categories }: EventInputs, mask: Value): Value {
  const [first, ...others] = [
    graph.lookUp('user.sequence', ids, mask),
    ...categories.map((category) => graph.lookUp(category.table, category.ids, mask)),
  ]
  return others.reduce((sum, rows) => graph.binary('Add', sum, rows), first)
}

/** The last, the second last, … event; zero where there is none: a one-hot row over the L places times h. */
function recent(graph: Graph, count: number, h: Value, lengths: Value): Value {
  const [L] = h.dims
  const back = graph.int32(Array.from({ length: count }, (_, j) => j + 1))
  const places = graph.op('Sub', [graph.unsqueeze(lengths, 1), back], [count])
  const positions = graph.int32(Array.from({ length: L }, (_, place) => place))
  const hot = graph.op('Equal', [graph.unsqueeze(places, 2), positions], [count, L])
  return graph.product(graph.toFloat(hot), h)
}
