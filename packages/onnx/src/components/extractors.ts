/**
 * What a level makes new tokens of: from tokens X [R, n, d] to [R, tokens, d] each.
 * Shape letters: R rows, n tokens of d, C compressed columns.
 */
import type { ExtractorConfig, ExtractorKind } from '@headwater/runtime'
import type { ExportOf } from '../graph/export-of.ts'
import type { Graph, Value } from '../graph/graph.ts'
import {
  binary,
  flatten,
  gelu,
  layerNorm,
  linear,
  permute,
  product,
  relu,
  reshape,
  softmax,
  tokenMap,
} from '../graph/operations.ts'

/** @param name begins the names of its tensors */
type ExportExtractor<Kind extends ExtractorKind> = ExportOf<ExtractorConfig<Kind>, [name: string, x: Value], Value>

/** Linear layers `NAME.hidden` and `NAME.LAST` over all tokens with a ReLU between. */
function twoLayers(graph: Graph, name: string, last: string, x: Value): Value {
  return linear(graph, `${name}.${last}`, relu(graph, linear(graph, `${name}.hidden`, flatten(graph, x))))
}

/** What every extractor becomes. */
export const extractorExports: { readonly [Kind in ExtractorKind]: ExportExtractor<Kind> } = {
  mlp(graph, { tokens }, name, x) {
    return reshape(graph, twoLayers(graph, name, 'output', x), [tokens, x.dims[1]])
  },

  /** Dot products of the tokens with C softmax-weighted sums of them, and a linear layer over these. */
  compression(graph, { tokens, columns }, name, x) {
    const [n, d] = x.dims
    const logits = reshape(graph, twoLayers(graph, name, 'logits', x), [n, columns])
    // [R, C, n]: the softmax is over the tokens
    const weights = softmax(graph, permute(graph, logits, [1, 0]), -1)
    const sums = product(graph, weights, x)
    const dots = binary(graph, 'Mul', product(graph, x, permute(graph, sums, [1, 0])), graph.scalar(1 / Math.sqrt(d)))
    return reshape(graph, linear(graph, `${name}.output`, flatten(graph, dots)), [tokens, d])
  },

  /** Low-rank cross layers (DCN V2) over vec X, then a map over tokens. */
  cross(graph, { layers }, name, x) {
    const first = flatten(graph, x)
    let current = first
    for (let layer = 1; layer <= layers; layer++) {
      const down = linear(graph, `${name}.down${layer}`, current)
      const up = linear(graph, `${name}.up${layer}`, down)
      current = binary(graph, 'Add', binary(graph, 'Mul', first, up), current)
    }
    return tokenMap(graph, `${name}.tokens`, reshape(graph, current, x.dims))
  },

  /** One MLP-Mixer block, first over tokens, then over columns, then a map over tokens. */
  mixer(graph, _, name, x) {
    const across = gelu(graph, tokenMap(graph, `${name}.token-hidden`, layerNorm(graph, x, `${name}.token-norm`)))
    const y = binary(graph, 'Add', x, tokenMap(graph, `${name}.token-output`, across))
    const along = gelu(graph, linear(graph, `${name}.channel-hidden`, layerNorm(graph, y, `${name}.channel-norm`)))
    const z = binary(graph, 'Add', y, linear(graph, `${name}.channel-output`, along))
    return tokenMap(graph, `${name}.tokens`, z)
  },
}
