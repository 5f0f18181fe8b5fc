/**
 * Encodings of dense values, feature by feature as the kernels write them: sines, cosines or bins, zeros up to a whole vec4,
 * and four more numbers whose first would flag a missing value. Batches hold no NaN (a missing value is 0 beside a flag
 * column of its own), so these four are zeros. Shape letters: R rows, F dense columns, T bins.
 */
import type { EncodingConfig, EncodingKind } from '@headwater/runtime'
import type { ExportOf } from '../graph/export-of.ts'
import type { Graph } from '../graph/graph.ts'
import type { Value } from '../graph/model-file.ts'

/** What every encoding becomes, [R, F, numbers of a value]. */
const components: { readonly [Kind in EncodingKind]: ExportOf<EncodingConfig<Kind>, [x: Value], Value> } = {
  periodic: (graph, _, x) => periodic(graph, x),
  piecewise: (graph, _, x) => piecewise(graph, x),
}

const quads = (n: number) => Math.ceil(n / 4) * 4

/** Standardized values x [R, F] to [R, F · columns]. */
export function encode(graph: Graph, config: EncodingConfig, x: Value): Value {
  const exportOf: ExportOf<EncodingConfig, [x: Value], Value> = components[config.kind]
  const parts = exportOf(graph, config, x)
  return graph.flatten(graph.padLast(parts, quads(parts.dims[1]) + 4))
}

/** [R, F, 2 · frequencies] */
function periodic(graph: Graph, x: Value): Value {
  const frequencies = graph.weight('user.dense.frequencies')
  const turns = graph.op('Mul', [graph.unsqueeze(x, 2), frequencies], frequencies.dims)
  // Whole turns are taken off first: the sine of a large float32 would lose digits.
  const part = graph.binary('Sub', turns, graph.op('Round', [turns], turns.dims))
  const angle = graph.binary('Mul', part, graph.scalar(2 * Math.PI))
  return graph.concat([graph.op('Sin', [angle], angle.dims), graph.op('Cos', [angle], angle.dims)], 2)
}

/** [R, F, T]. Edges are constants, so what follows from them alone is worked out here. */
function piecewise(graph: Graph, x: Value): Value {
  const { rows: F, cols, data: edges } = graph.matrix('user.dense.edges')
  const T = cols - 1
  type OfBin = (low: number, high: number, bin: number) => number
  const bins = (value: OfBin) =>
    Float32Array.from({ length: F * T }, (_, i) => {
      const at = Math.floor(i / T) * cols + (i % T)
      return value(edges[at], edges[at + 1], i % T)
    })
  const dims = [F, T]
  const constant = (what: string, value: OfBin) => graph.derived(`user.dense.edges/${what}`, bins(value), dims)
  const wide: OfBin = (low, high) => (high > low ? 1 : 0)
  const low = constant('low', (edge) => edge)
  const column = graph.unsqueeze(x, 2)
  const above = graph.op('Sub', [column, low], dims)
  const share = graph.binary(
    'Div',
    above,
    constant('width', (a, b) => (b > a ? b - a : 1)),
  )
  const large = 3e38
  const floor = constant('least', (_, __, bin) => (bin === 0 ? -large : 0))
  const ceiling = constant('most', (_, __, bin) => (bin === T - 1 ? large : 1))
  const bounded = graph.binary('Min', graph.binary('Max', share, floor), ceiling)
  if (bins(wide).every((value) => value === 1)) return bounded
  const reached = graph.op('Cast', [graph.op('GreaterOrEqual', [column, low], dims)], dims, { to: 1 })
  const isWide = graph.op('Greater', [constant('wide', wide), graph.scalar(0)], dims)
  return graph.op('Where', [isWide, bounded, reached], dims)
}
