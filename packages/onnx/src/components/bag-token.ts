/** The values of one bag as one token. Shape letters: R rows, M values at most, d width. */
import type { TokenConfig } from '@headwater/runtime'
import type { Graph, Value } from '../graph/graph.ts'
import { belowLength, lookUp } from '../graph/lookups.ts'
import {
  binary,
  maskedSoftmax,
  permute,
  product,
  reshape,
  toFloat,
  transposedVector,
  unsqueeze,
} from '../graph/operations.ts'

/** Ids [R, M] and lengths [R] to a token [R, 1, d]; an empty bag is zero. A bag of at most one value has no query. */
export function bagToken(
  graph: Graph,
  table: string,
  kind: TokenConfig<'bags'>['pooling'],
  ids: Value,
  lengths: Value,
): Value {
  const [places] = ids.dims
  const mask = belowLength(graph, lengths, places)
  const rows = lookUp(graph, table, ids, mask)
  const width = rows.dims[1]
  if (kind === 'attention' && places > 1) {
    const query = transposedVector(graph, `${table}.query`)
    const scores = permute(graph, product(graph, rows, query), [1, 0])
    const weights = maskedSoftmax(graph, scores, 1 / Math.sqrt(width), unsqueeze(graph, mask, 1))
    return product(graph, weights, rows)
  }
  const sum = graph.op('ReduceSum', [rows, graph.int64([1])], [1, width], { keepdims: 1 })
  if (kind === 'sum') return sum
  const within = graph.op('Min', [lengths, graph.int32([places], [])], [])
  const divisor = toFloat(graph, graph.op('Max', [within, graph.int32([1], [])], []))
  return binary(graph, 'Div', sum, reshape(graph, divisor, [1, 1]))
}
