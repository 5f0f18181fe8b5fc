/** The values of one bag as one token. Shape letters: R rows, M values at most, d width. */
import type { TokenConfig } from '@headwater/runtime'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

/** Ids [R, M] and lengths [R] to a token [R, 1, d]; an empty bag is zero. A bag of at most one value has no query. */
export function bagToken(
  graph: Graph,
  table: string,
  kind: TokenConfig<'bags'>['pooling'],
  ids: Value,
  lengths: Value,
): Value {
  const [places] = ids.dims
  const mask = graph.belowLength(lengths, places)
  const rows = graph.lookUp(table, ids, mask)
  const width = rows.dims[1]
  if (kind === 'attention' && places > 1) {
    const query = graph.weight(`${table}.query`, [width, 1])
    const scores = graph.permute(graph.product(rows, query), [1, 0])
    const weights = graph.maskedSoftmax(scores, 1 / Math.sqrt(width), graph.unsqueeze(mask, 1))
    return graph.product(weights, rows)
  }
  const sum = graph.op('ReduceSum', [rows, graph.int64([1])], [1, width], { keepdims: 1 })
  if (kind === 'sum') return sum
  const within = graph.op('Min', [lengths, graph.int32([places], [])], [])
  const divisor = graph.toFloat(graph.op('Max', [within, graph.int32([1], [])], []))
  return graph.binary('Div', sum, graph.reshape(divisor, [1, 1]))
}
