/**
 * Where user and item meet: [e | dots] W of the embeddings e and the item vector v, whose rows the snapshot keeps in one tensor
 * or in two. Shape letters: R rows, K embeddings of D, G grouped dots.
 */
import type { EmbeddingsConfig, InteractionConfig, InteractionKindName } from '@headwater/runtime'
import type { ExportOf } from '../graph/export-of.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

type Rest = [embeddings: EmbeddingsConfig, e: Value, v: Value]

/** What every interaction becomes. */
const interactionExports: {
  readonly [Kind in InteractionKindName]: ExportOf<InteractionConfig<Kind>, Rest, Value>
} = {
  grouped(graph, { dots }, _, e, v) {
    const slices = graph.reshape(graph.binary('Mul', e, v), [dots, e.dims[0] / dots])
    const sums = graph.op('ReduceSum', [slices, graph.int64([2])], [dots], { keepdims: 0 })
    return graph.linear('mix.from-interaction', graph.concat([e, sums], 1))
  },

  pairwise(graph, { vectors }, { count, width }, e, v) {
    const all = graph.reshape(graph.concat([e, v], 1), [count + vectors, width])
    const fromEmbeddings = graph.linear('mix.from-embeddings', e)
    return graph.binary('Add', fromEmbeddings, graph.linear('mix.from-dots', pairs(graph, all)))
  },
}

export function interaction(graph: Graph, config: InteractionConfig, ...rest: Rest): Value {
  const exportOf: ExportOf<InteractionConfig, Rest, Value> = interactionExports[config.kind]
  return exportOf(graph, config, ...rest)
}

/** x_i · x_j for j < i of a row's vectors, by i and then j. */
function pairs(graph: Graph, x: Value): Value {
  const [count] = x.dims
  const all = graph.flatten(graph.product(x, graph.permute(x, [1, 0])))
  const places: number[] = []
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) places.push(i * count + j)
  return graph.op('Gather', [all, graph.int32(places)], [places.length], { axis: 1 })
}
