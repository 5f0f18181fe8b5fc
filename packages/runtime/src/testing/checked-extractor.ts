import type { Extractor } from '../extractors/extractor.ts'
import { type ExtractorConfig, extractors } from '../extractors/extractors.ts'
import { ParameterSet } from '../parameters/parameter-set.ts'
import * as reading from '../reading-version.ts'
import type { CheckedLayer } from './layer-check.ts'

/** An extractor of n tokens of d with its reference; names of its tensors begin with `level` and its kind. */
export function checkedExtractor(
  config: ExtractorConfig,
  { n, d, dropout = 0 }: { n: number; d: number; dropout?: number },
): CheckedLayer {
  const set = new ParameterSet()
  const extractor: Extractor = extractors[config.kind]
  const tokens = Array.from({ length: n }, (_, i) => `token ${i}`)
  const layer = extractor.declare(set, `level.${config.kind}`, config, { tokens, width: d, dropout, centers: false })
  return {
    set,
    inputs: n * d,
    outputs: config.tokens * d,
    forward: (rec, x, y, training) => {
      const backward = layer(rec, x, y, training)
      return (dy, dx) => backward(x, dy, dx)
    },
    reference: (values, x) => reading.level(values, 'level', { extractors: [config] }, reading.cut(x, d), []).flat(),
  }
}
