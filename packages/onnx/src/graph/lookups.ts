/** Ids to rows of embedding tables, with what lies behind a row's length left out. Shape letters: R rows, M places, d width. */
import type { Graph, Value } from './graph.ts'
import { toFloat, unsqueeze } from './operations.ts'

/** Which of M places are below the row's length: bool [R, M] from int32 [R]. */
export function belowLength(graph: Graph, lengths: Value, places: number): Value {
  const positions = graph.int32(Array.from({ length: places }, (_, place) => place))
  return graph.op('Less', [positions, unsqueeze(graph, lengths, 1)], [places])
}

/** Rows [R, M, d] of `table` for int32 ids [R, M]; zeros where `mask` does not hold, and for an id that the table does not have. */
export function lookUp(graph: Graph, table: string, ids: Value, mask: Value): Value {
  const weight = graph.weight(table)
  const [buckets, width] = weight.dims
  const zero = graph.int32([0], [])
  const known = graph.op(
    'And',
    [graph.op('GreaterOrEqual', [ids, zero], ids.dims), graph.op('Less', [ids, graph.int32([buckets], [])], ids.dims)],
    ids.dims,
  )
  const valid = graph.op('And', [mask, known], ids.dims)
  const safe = graph.op('Where', [valid, ids, zero], ids.dims)
  const rows = graph.op('Gather', [weight, safe], [...ids.dims, width], { axis: 0 })
  return graph.op('Mul', [rows, toFloat(graph, unsqueeze(graph, valid, 2))], rows.dims)
}
