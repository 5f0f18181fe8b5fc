/** The map between a tower's own coordinates x and the published ones y = x W + b. Shape letters: R rows, J = K·D. */
import { type AffineMap, inverseAlignment } from '@headwater/snapshot'
import { OnnxExportError } from '../graph/export-error.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

export function toPublished(graph: Graph, { dim, weight, bias }: AffineMap, x: Value): Value {
  const initializers = [
    graph.derived('alignment.weight', weight, [dim, dim]),
    graph.derived('alignment.bias', bias, [dim]),
  ]
  return graph.within('alignment', () => graph.op('Gemm', [x, ...initializers], x.dims))
}

/**
 * The way back.
 * @throws OnnxExportError where there is none: the map is neither a rotation times a scale nor made of blocks of such.
 */
export function toOwn(graph: Graph, map: AffineMap, y: Value, source: string): Value {
  const back = inverseAlignment(map)
  if (back === null)
    throw new OnnxExportError(
      `${source}: its alignment is no rotation, so published embeddings have no way back into the mix tower's coordinates. Publish the snapshot again with alignment 'procrustes' or 'none'.`,
    )
  return toPublished(graph, back, y)
}
