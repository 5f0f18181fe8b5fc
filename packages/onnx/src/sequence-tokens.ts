/**
 * A user's last events as tokens: embedded, passed through transformer blocks, pooled by attention, and the newest ones as
 * they are. Shape letters: R rows, L events of C channels, d token width, M pooled tokens.
 */
import type { ModelConfig } from '@headwater/runtime'
import type { Graph, Value } from './graph.ts'
import { belowLength, lookUp } from './lookups.ts'
import { binary, maskedSoftmax, permute, product, slice, toFloat, unsqueeze } from './operations.ts'
import { transformerBlock } from './transformer-block.ts'

export interface SequenceInputs {
  /** int32 [R, L] */
  readonly ids: Value
  /** [R, L, C] */
  readonly channels: Value
  /** int32 [R] */
  readonly lengths: Value
  /** int32 [R, L] each, with the category's table. */
  readonly categories: readonly { readonly table: string; readonly ids: Value }[]
}

/** @returns the pooled and the recent tokens, [R, pooled, d] and [R, recent, d], those that there are; zeros without events. */
export function sequenceTokens(graph: Graph, config: ModelConfig['user']['sequence'], inputs: SequenceInputs): Value[] {
  const [L, C] = inputs.channels.dims
  const mask = belowLength(graph, inputs.lengths, L)
  const pooling = graph.weight('user.sequence.pooling')
  let h = events(graph, inputs, mask, slice(graph, pooling, -2, 0, C))
  for (let block = 1; block <= config.blocks; block++) {
    const name = `user.sequence.block${block}`
    h = graph.within(`block${block}`, () => transformerBlock(graph, name, config.heads, h, mask))
  }
  // What lies behind the length was carried along; from here on it would be read.
  h = only(graph, h, mask)
  const tokens: Value[] = []
  if (config.pooled > 0) {
    const queries = slice(graph, pooling, -2, C, C + config.pooled)
    const scores = graph.op('MatMul', [queries, permute(graph, h, [1, 0])], [config.pooled, L])
    const weights = maskedSoftmax(graph, scores, 1 / Math.sqrt(h.dims[1]), unsqueeze(graph, mask, 1))
    tokens.push(product(graph, weights, h))
  }
  if (config.recent > 0) tokens.push(recent(graph, config.recent, h, inputs.lengths))
  return tokens
}

/** Rows [L, d] of x where the mask [R, L] holds, zeros elsewhere, whatever was there. */
function only(graph: Graph, x: Value, mask: Value): Value {
  return graph.op('Where', [unsqueeze(graph, mask, 2), x, graph.scalar(0)], x.dims)
}

function events(graph: Graph, { ids, channels, categories }: SequenceInputs, mask: Value, mix: Value): Value {
  const lookups = [
    lookUp(graph, 'user.sequence', ids, mask),
    ...categories.map((category) => lookUp(graph, category.table, category.ids, mask)),
  ]
  const mixed = product(graph, channels, mix)
  return only(
    graph,
    lookups.reduce((sum, rows) => binary(graph, 'Add', sum, rows), mixed),
    mask,
  )
}

/** The last, the second last, … event; zero where there is none: a one-hot row over the L places times h. */
function recent(graph: Graph, count: number, h: Value, lengths: Value): Value {
  const [L] = h.dims
  const back = graph.int32(Array.from({ length: count }, (_, j) => j + 1))
  const places = graph.op('Sub', [unsqueeze(graph, lengths, 1), back], [count])
  const positions = graph.int32(Array.from({ length: L }, (_, place) => place))
  const hot = graph.op('Equal', [unsqueeze(graph, places, 2), positions], [count, L])
  return product(graph, toFloat(graph, hot), h)
}
