/**
 * A pre-norm transformer block over the events of a row. Shape letters: R rows, L events, d token width, H heads of d / H.
 */
import type { Graph, Value } from '../graph/graph.ts'
import {
  binary,
  gelu,
  layerNorm,
  linear,
  maskedSoftmax,
  permute,
  product,
  reshape,
  slice,
  unsqueeze,
} from '../graph/operations.ts'

/** h [R, L, d] to the same; `mask` bool [R, L] says which events there are. */
export function transformerBlock(graph: Graph, name: string, heads: number, h: Value, mask: Value): Value {
  const normed = layerNorm(graph, h, `${name}.attention-norm`)
  const attended = binary(graph, 'Add', h, attention(graph, name, heads, normed, mask))
  const hidden = gelu(graph, linear(graph, `${name}.hidden`, layerNorm(graph, attended, `${name}.hidden-norm`)))
  return binary(graph, 'Add', attended, linear(graph, `${name}.output`, hidden))
}

/** Softmax, over the events that there are, of q · k / √(d / H), times v, mixed by the output map. */
function attention(graph: Graph, name: string, heads: number, x: Value, mask: Value): Value {
  const [L, d] = x.dims
  const each = d / heads
  const projected = linear(graph, `${name}.projection`, x)
  const [q, k, v] = [0, d, 2 * d].map((from) =>
    permute(graph, reshape(graph, slice(graph, projected, -1, from, from + d), [L, heads, each]), [1, 0, 2]),
  )
  const scores = product(graph, q, permute(graph, k, [0, 2, 1]))
  const keys = unsqueeze(graph, unsqueeze(graph, mask, 1), 1)
  const weights = maskedSoftmax(graph, scores, 1 / Math.sqrt(each), keys)
  const mixed = permute(graph, product(graph, weights, v), [1, 0, 2])
  return linear(graph, `${name}.attention`, reshape(graph, mixed, [L, d]))
}
