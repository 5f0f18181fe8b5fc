/**
 * A pre-norm transformer block over the events of a row. Shape letters: R rows, L events, d token width, H heads of d / H.
 */
import { blockScale, type TokenConfig } from '@headwater/runtime'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

type Blocks = NonNullable<TokenConfig<'events'>['blocks']>

/** h [R, L, d] to the same; `mask` bool [R, L] says which events there are, `age` is their channel [R, L, 1]. */
export function transformerBlock(
  graph: Graph,
  name: string,
  blocks: Blocks,
  h: Value,
  mask: Value,
  age: () => Value,
): Value {
  const normed = graph.layerNorm(h, `${name}.attention-norm`)
  const attended = graph.binary('Add', h, attention(graph, name, blocks, normed, mask, age))
  const hidden = graph.gelu(graph.linear(`${name}.hidden`, graph.layerNorm(attended, `${name}.hidden-norm`)))
  return graph.binary('Add', attended, graph.linear(`${name}.output`, hidden))
}

/** Softmax, over the events that there are, or SiLU, over those before, of q · k / √(d / H), times v, mixed by the output map. */
function attention(
  graph: Graph,
  name: string,
  { heads, pointwise }: Blocks,
  x: Value,
  mask: Value,
  age: () => Value,
): Value {
  const [L, d] = x.dims
  const each = d / heads
  const projected = graph.linear(`${name}.projection`, x)
  const [q, k, v] = [0, d, 2 * d].map((from) =>
    graph.permute(graph.reshape(graph.slice(projected, -1, from, from + d), [L, heads, each]), [1, 0, 2]),
  )
  const scores = graph.product(q, graph.permute(k, [0, 2, 1]))
  const keys = graph.unsqueeze(graph.unsqueeze(mask, 1), 1)
  const weights = pointwise
    ? pointwiseWeights(graph, `${name}.pointwise`, pointwise, scores, 1 / Math.sqrt(each), age())
    : graph.maskedSoftmax(scores, 1 / Math.sqrt(each), keys)
  const mixed = graph.permute(graph.product(weights, v), [1, 0, 2])
  return graph.linear(`${name}.attention`, graph.reshape(mixed, [L, d]))
}

/** SiLU of scores [R, H, L, L] and their biases, zero for keys behind the query. */
function pointwiseWeights(
  graph: Graph,
  name: string,
  { places: P, times: T }: NonNullable<Blocks['pointwise']>,
  scores: Value,
  scale: number,
  age: Value,
): Value {
  const [H, L] = scores.dims
  const pairs = (of: (i: number, j: number) => number) =>
    Array.from({ length: L * L }, (_, at) => of(Math.floor(at / L), at % L))
  const biases = graph.weight(`${name}.biases`)
  const places = pairs((i, j) => Math.min(Math.floor(Math.log2(1 + Math.max(0, i - j))), P - 1))
  const placeBiases = [graph.slice(biases, -1, 0, P), graph.int32(places, [L, L])]
  const byPlace = graph.op('Gather', placeBiases, [H, L, L], { axis: 1 })
  const ofTimes = graph.op('Transpose', [graph.slice(biases, -1, P, P + T)], [T, H], { perm: [1, 0] })
  const byTime = graph.op('Gather', [ofTimes, timeBuckets(graph, T, age)], [L, L, H], { axis: 0 })
  const near = graph.binary('Add', graph.binary('Mul', scores, graph.scalar(scale)), byPlace)
  const biased = graph.binary('Add', near, graph.permute(byTime, [2, 0, 1]))
  const weights = graph.binary('Mul', biased, graph.op('Sigmoid', [biased], biased.dims))
  const seen = pairs((i, j) => (j <= i ? blockScale(L) : 0))
  return graph.binary('Mul', weights, graph.floats(seen, [L, L]))
}

/** int32 [R, L, L], by the whole seconds between events, from the ages' channel. In float64, as the ages are on the host. */
function timeBuckets(graph: Graph, T: number, age: Value): Value {
  const [L] = age.dims
  const wide = (x: Value) => graph.op('Cast', [x], x.dims, { to: 11 })
  const number = (value: number) => wide(graph.scalar(value))
  const powers = graph.op('Exp', [graph.binary('Mul', wide(graph.reshape(age, [L])), number(16))], [L])
  const seconds = graph.op('Floor', [graph.binary('Sub', powers, number(0.5))], [L])
  const most = graph.binary('Sub', number(2 ** 32), number(1))
  const ages = graph.binary('Min', graph.binary('Max', seconds, number(0)), most)
  const difference = graph.op('Sub', [graph.unsqueeze(ages, 2), graph.unsqueeze(ages, 1)], [L, L])
  const logs = graph.op('Log', [graph.binary('Add', graph.op('Abs', [difference], [L, L]), number(1))], [L, L])
  // Rounding may leave a power of two just below its whole number.
  const steps = graph.binary('Add', graph.binary('Div', logs, graph.op('Log', [number(2)], [])), number(1e-12))
  const buckets = graph.binary('Min', graph.op('Floor', [steps], [L, L]), number(T - 1))
  return graph.op('Cast', [buckets], [L, L], { to: 6 })
}
