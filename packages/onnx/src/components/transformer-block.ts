/**
 * A pre-norm transformer block over the events of a row. Shape letters: R rows, L events, d token width, H heads of d / H.
 */
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

/** h [R, L, d] to the same; `mask` bool [R, L] says which events there are. */
export function transformerBlock(graph: Graph, name: string, heads: number, h: Value, mask: Value): Value {
  const normed = graph.layerNorm(h, `${name}.attention-norm`)
  const attended = graph.binary('Add', h, attention(graph, name, heads, normed, mask))
  const hidden = graph.gelu(graph.linear(`${name}.hidden`, graph.layerNorm(attended, `${name}.hidden-norm`)))
  return graph.binary('Add', attended, graph.linear(`${name}.output`, hidden))
}

/** Softmax, over the events that there are, of q · k / √(d / H), times v, mixed by the output map. */
function attention(graph: Graph, name: string, heads: number, x: Value, mask: Value): Value {
  const [L, d] = x.dims
  const each = d / heads
  const projected = graph.linear(`${name}.projection`, x)
  const [q, k, v] = [0, d, 2 * d].map((from) =>
    graph.permute(graph.reshape(graph.slice(projected, -1, from, from + d), [L, heads, each]), [1, 0, 2]),
  )
  const scores = graph.product(q, graph.permute(k, [0, 2, 1]))
  const keys = graph.unsqueeze(graph.unsqueeze(mask, 1), 1)
  const weights = graph.maskedSoftmax(scores, 1 / Math.sqrt(each), keys)
  const mixed = graph.permute(graph.product(weights, v), [1, 0, 2])
  return graph.linear(`${name}.attention`, graph.reshape(mixed, [L, d]))
}
