/**
 * A user's last events as tokens: embedded, passed through transformer blocks, pooled by attention, the newest ones as they
 * are, sums of their vectors by the last W channels, and pooled by pointwise attention. Shape letters: R rows, L events of C
 * channels, d token width, M pooled tokens.
 */
import { ageChannel, type EventTokens, pointwiseScale, sumScale, type TokenConfig } from '@headwater/runtime'
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
 * @returns those that there are of the pooled, the recent, the sums and the pointwise ones, [R, pooled, d] and so on; zeros
 * without events
 */
export function eventTokens(
  graph: Graph,
  config: TokenConfig<'events'>,
  made: EventTokens,
  inputs: EventInputs,
): Value[] {
  // A tower may make no token of events, and has no table of them then.
  if (made.pooled + made.recent + made.sums + made.pointwise === 0) return []
  const mask = graph.belowLength(inputs.lengths, inputs.channels.dims[0])
  const v = eventVectors(graph, inputs, mask)
  const isMixed = made.pooled + made.recent + made.pointwise > 0
  const h = isMixed ? mixedEvents(graph, config, inputs, v, mask) : null
  return [
    ...(h ? mixedTokens(graph, config, inputs, h, mask) : []),
    ...(made.sums > 0 ? [sums(graph, made.sums, inputs.channels, v, mask)] : []),
    ...(h && config.pointwise ? [pointwise(graph, config.pointwise, inputs, h, mask)] : []),
  ]
}

/** Events with their channels, behind the blocks; zeros behind the length. */
function mixedEvents(
  graph: Graph,
  config: TokenConfig<'events'>,
  { channels }: EventInputs,
  v: Value,
  mask: Value,
): Value {
  const [, C] = channels.dims
  const pooling = graph.weight('user.sequence.pooling')
  let h = only(graph, graph.binary('Add', v, graph.product(channels, graph.slice(pooling, -2, 0, C))), mask)
  const { blocks } = config
  const age = () => only(graph, graph.slice(channels, -1, ageChannel, ageChannel + 1), mask)
  for (let block = 1; blocks && block <= blocks.count; block++) {
    const name = `user.sequence.block${block}`
    h = graph.within(`block${block}`, () => transformerBlock(graph, name, blocks, h, mask, age))
  }
  // What lies behind the length was carried along; from here on it would be read.
  return only(graph, h, mask)
}

/** The pooled and the recent tokens. */
function mixedTokens(
  graph: Graph,
  config: TokenConfig<'events'>,
  { channels, lengths }: EventInputs,
  h: Value,
  mask: Value,
): Value[] {
  const [L, C] = channels.dims
  const tokens: Value[] = []
  if (config.pooled) {
    const pooling = graph.weight('user.sequence.pooling')
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

/** Sums of the events by SiLU of their scores by each query. */
function pointwise(
  graph: Graph,
  { queries: M, places: P, times: T }: NonNullable<TokenConfig<'events'>['pointwise']>,
  { channels, lengths }: EventInputs,
  h: Value,
  mask: Value,
): Value {
  const [L, d] = h.dims
  const name = 'user.sequence.pointwise'
  const transposed = (what: string, rows: number) =>
    graph.op('Transpose', [graph.weight(`${name}.${what}`)], [rows, M], { perm: [1, 0] })
  const biases = transposed('biases', P + T)
  const biasOf = (from: number, buckets: number, index: Value) =>
    graph.op('Gather', [graph.slice(biases, -2, from, from + buckets), index], [L, M], { axis: 0 })
  // Of each place by how many are newer, and of each age by the powers of two that it has reached.
  const places = graph.int32(Array.from({ length: L }, (_, newer) => Math.min(Math.floor(Math.log2(newer + 1)), P - 1)))
  const positions = graph.int32(Array.from({ length: L }, (_, l) => l + 1))
  const newer = graph.op(
    'Max',
    [graph.op('Sub', [graph.unsqueeze(lengths, 1), positions], [L]), graph.int32([0], [])],
    [L],
  )
  const place = graph.op('Gather', [places, newer], [L], { axis: 0 })
  const age = only(graph, graph.slice(channels, -1, ageChannel, ageChannel + 1), mask)
  // One bucket has no bound, but an operand must have an element: no age reaches this one.
  const bounds = T === 1 ? [3e38] : Array.from({ length: T - 1 }, (_, k) => ageReached(k + 1))
  const powers = graph.floats(bounds)
  const reached = graph.toFloat(graph.op('GreaterOrEqual', [age, powers], [L, powers.dims[0]]))
  const time = graph.op('Cast', [graph.op('ReduceSum', [reached, graph.int64([-1])], [L], { keepdims: 0 })], [L], {
    to: 6,
  })

  const products = graph.binary('Mul', graph.product(h, transposed('queries', d)), graph.scalar(1 / Math.sqrt(d)))
  const scores = graph.binary('Add', graph.binary('Add', products, biasOf(0, P, place)), biasOf(P, T, time))
  const sigmoids = graph.op('Sigmoid', [scores], scores.dims)
  const scaled = graph.binary('Mul', graph.binary('Mul', scores, sigmoids), graph.scalar(pointwiseScale(L)))
  return graph.product(graph.permute(only(graph, scaled, mask), [1, 0]), h)
}

/** The least float32 that the age's channel has where 1 + its whole seconds are 2^k at least. */
function ageReached(k: number): number {
  const least = Math.log(2 ** k - 0.5) / 16
  const rounded = Float32Array.of(least)
  if (rounded[0] < least) new Uint32Array(rounded.buffer)[0]++
  return rounded[0]
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
