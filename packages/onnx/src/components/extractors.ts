/**
 * What a level makes new tokens of: from tokens X [R, n, d] to [R, tokens, d] each.
 * Shape letters: R rows, n tokens of d, C compressed columns.
 */
import type { ExtractorConfig, ExtractorKind } from '@headwater/runtime'
import type { ExportOf } from '../graph/export-of.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

/** @param name begins the names of its tensors */
type ExportExtractor<Kind extends ExtractorKind> = ExportOf<ExtractorConfig<Kind>, [name: string, x: Value], Value>

/** Linear layers `NAME.hidden` and `NAME.LAST` over all tokens with a ReLU between. */
function twoLayers(graph: Graph, name: string, last: string, x: Value): Value {
  return graph.linear(`${name}.${last}`, graph.relu(graph.linear(`${name}.hidden`, graph.flatten(x))))
}

/** What every extractor becomes. */
export const extractorExports: { readonly [Kind in ExtractorKind]: ExportExtractor<Kind> } = {
  mlp(graph, { tokens }, name, x) {
    return graph.reshape(twoLayers(graph, name, 'output', x), [tokens, x.dims[1]])
  },

  /** Dot products of the tokens with C softmax-weighted sums of them, and a linear layer over these. */
  compression(graph, { tokens, columns }, name, x) {
    const [n, d] = x.dims
    const logits = graph.reshape(twoLayers(graph, name, 'logits', x), [n, columns])
    // [R, C, n]: the softmax is over the tokens
    const weights = graph.softmax(graph.permute(logits, [1, 0]))
    const sums = graph.product(weights, x)
    const dots = graph.binary('Mul', graph.product(x, graph.permute(sums, [1, 0])), graph.scalar(1 / Math.sqrt(d)))
    return graph.reshape(graph.linear(`${name}.output`, graph.flatten(dots)), [tokens, d])
  },

  /** Low-rank cross layers (DCN V2) over vec X, then a map over tokens. */
  cross(graph, { layers }, name, x) {
    const first = graph.flatten(x)
    let current = first
    for (let layer = 1; layer <= layers; layer++) {
      const down = graph.linear(`${name}.down${layer}`, current)
      const up = graph.linear(`${name}.up${layer}`, down)
      current = graph.binary('Add', graph.binary('Mul', first, up), current)
    }
    return graph.tokenMap(`${name}.tokens`, graph.reshape(current, x.dims))
  },

  /** One MLP-Mixer block, first over tokens, then over columns, then a map over tokens. */
  mixer(graph, _, name, x) {
    const across = graph.gelu(graph.tokenMap(`${name}.token-hidden`, graph.layerNorm(x, `${name}.token-norm`)))
    const y = graph.binary('Add', x, graph.tokenMap(`${name}.token-output`, across))
    const along = graph.gelu(graph.linear(`${name}.channel-hidden`, graph.layerNorm(y, `${name}.channel-norm`)))
    const z = graph.binary('Add', y, graph.linear(`${name}.channel-output`, along))
    return graph.tokenMap(`${name}.tokens`, z)
  },
}
