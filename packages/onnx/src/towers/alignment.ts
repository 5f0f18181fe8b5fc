/** The map between a tower's own coordinates x and the published ones y = x W + b. Shape letters: R rows, J = K·D. */
import { type AffineMap, scaleSquare } from '@headwater/snapshot'
import { OnnxExportError } from '../graph/export-error.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

function initializers(graph: Graph, { dim, weight, bias }: AffineMap) {
  return {
    weight: graph.derived('alignment.weight', weight, [dim, dim]),
    bias: graph.derived('alignment.bias', bias, [dim]),
  }
}

export function toPublished(graph: Graph, map: AffineMap, x: Value): Value {
  const { weight, bias } = initializers(graph, map)
  return graph.within('alignment', () => graph.op('Gemm', [x, weight, bias], x.dims))
}

/**
 * x = (y − b) Wᵀ ÷ s², W being a rotation times a scale s as Procrustes makes it.
 * @throws OnnxExportError where it is not.
 */
export function toOwn(graph: Graph, map: AffineMap, y: Value, source: string): Value {
  const square = scaleSquare(map)
  if (square === null)
    throw new OnnxExportError(
      `${source}: its alignment is no rotation, so published embeddings have no way back into the mix tower's coordinates. Publish the snapshot again with alignment 'procrustes' or 'none'.`,
    )
  const { weight, bias } = initializers(graph, map)
  return graph.within('alignment', () =>
    graph.op('Gemm', [graph.binary('Sub', y, bias), weight], y.dims, { transB: 1, alpha: { float: 1 / square } }),
  )
}
