/** The few compositions of ONNX operators that towers are made of. Shape letters: R rows, n tokens, d width. */
import type { Graph, Value } from './graph.ts'

/** ε of all norms. */
const epsilon = 1e-5

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1)

/** The same numbers, row by row, in another shape. */
export function reshape(graph: Graph, x: Value, dims: readonly number[]): Value {
  // 0 keeps the rows, however many there are.
  return graph.op('Reshape', [x, graph.int64([0, ...dims])], dims)
}

export function flatten(graph: Graph, x: Value): Value {
  return x.dims.length === 1 ? x : reshape(graph, x, [count(x.dims)])
}

/** Zeros behind the last axis up to `width`. */
export function padLast(graph: Graph, x: Value, width: number): Value {
  const last = x.dims.length
  const extra = width - x.dims[last - 1]
  if (extra === 0) return x
  const pads = graph.int64([...new Array(2 * last + 1).fill(0), extra])
  return graph.op('Pad', [x, pads], [...x.dims.slice(0, -1), width])
}

/** [R, …] with a 1 as axis `axis` of the whole. */
export function unsqueeze(graph: Graph, x: Value, axis: number): Value {
  return graph.op('Unsqueeze', [x, graph.int64([axis])], x.dims.toSpliced(axis - 1, 0, 1))
}

/** Of values that are the same but for one axis; one alone stays as it is. */
export function concat(graph: Graph, values: readonly Value[], axis: number): Value {
  if (values.length === 1) return values[0]
  const length = values.reduce((sum, { dims }) => sum + dims[axis - 1], 0)
  return graph.op('Concat', values, values[0].dims.with(axis - 1, length), { axis })
}

/** A binary operator that broadcasts `b` into the shape of `a`. */
export function binary(graph: Graph, operator: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Min' | 'Max', a: Value, b: Value) {
  return graph.op(operator, [a, b], a.dims)
}

export function toFloat(graph: Graph, x: Value): Value {
  return graph.op('Cast', [x], x.dims, { to: 1 })
}

/**
 * x W + b over the last axis, with `NAME.weight` [in, out] and `NAME.bias` [1, out] where the snapshot has one. A weight of
 * more rows than x has columns meets zeros there: kernels pad to whole vec4.
 */
export function linear(graph: Graph, name: string, x: Value): Value {
  const weight = graph.weight(`${name}.weight`)
  const [inputs, outputs] = weight.dims
  const input = padLast(graph, x, inputs)
  const bias = graph.has(`${name}.bias`) ? [graph.vector(`${name}.bias`)] : []
  if (x.dims.length === 1) return graph.op('Gemm', [input, weight, ...bias], [outputs])
  const y = graph.op('MatMul', [input, weight], x.dims.with(-1, outputs))
  return bias.length === 0 ? y : binary(graph, 'Add', y, bias[0])
}

/** Y[r] = W X[r] over tokens, with `NAME.weight` [n', n] and, where there is one, `NAME.bias`, a number a token. */
export function tokenMap(graph: Graph, name: string, x: Value): Value {
  const weight = graph.weight(`${name}.weight`)
  const [tokens] = weight.dims
  const y = graph.op('MatMul', [weight, x], [tokens, x.dims[1]])
  return graph.has(`${name}.bias`) ? binary(graph, 'Add', y, graph.weight(`${name}.bias`, [tokens, 1])) : y
}

export const relu = (graph: Graph, x: Value): Value => graph.op('Relu', [x], x.dims)

/** Our kernels' GELU is the tanh form. */
export const gelu = (graph: Graph, x: Value): Value => graph.op('Gelu', [x], x.dims, { approximate: 'tanh' })

export const softmax = (graph: Graph, x: Value, axis: number): Value => graph.op('Softmax', [x], x.dims, { axis })

/** Layer norm over the last axis; `NAME.gain` and `NAME.shift` where a name is given. */
export function layerNorm(graph: Graph, x: Value, name: string | null): Value {
  const width = x.dims[x.dims.length - 1]
  const affine =
    name === null
      ? [graph.floats(new Array(width).fill(1))]
      : [graph.vector(`${name}.gain`), graph.vector(`${name}.shift`)]
  return graph.op('LayerNormalization', [x, ...affine], x.dims, { axis: -1, epsilon: { float: epsilon } })
}

/** RMS norm over the last axis with `NAME.gain`. */
export function rmsNorm(graph: Graph, x: Value, name: string): Value {
  const squares = binary(graph, 'Mul', x, x)
  const mean = graph.op('ReduceMean', [squares, graph.int64([-1])], x.dims.with(-1, 1), { keepdims: 1 })
  const root = graph.op('Sqrt', [binary(graph, 'Add', mean, graph.scalar(epsilon))], mean.dims)
  return binary(graph, 'Mul', binary(graph, 'Div', x, root), graph.vector(`${name}.gain`))
}

/** Axes of each row in another order: result axis i is axis `order[i]` of x, rows not counted. */
export function permute(graph: Graph, x: Value, order: readonly number[]): Value {
  const dims = order.map((axis) => x.dims[axis])
  return graph.op('Transpose', [x], dims, { perm: [0, ...order.map((axis) => axis + 1)] })
}

/** A tensor of the snapshot with one row, [1, d], as a column [d, 1]: the same numbers. */
export function transposedVector(graph: Graph, name: string): Value {
  const { rows, cols } = graph.matrix(name)
  return graph.weight(name, [rows * cols, 1])
}

/** Places `from … to − 1` of an axis, which is counted from the end: −1 is the last. */
export function slice(graph: Graph, x: Value, axis: number, from: number, to: number): Value {
  const bounds = [from, to, axis].map((value) => graph.int64([value]))
  return graph.op('Slice', [x, ...bounds], x.dims.with(axis, to - from))
}

/** a b of each row's matrices (or stacks of them), a […, m, k] and b […, k, n]. */
export function product(graph: Graph, a: Value, b: Value): Value {
  return graph.op('MatMul', [a, b], a.dims.with(-1, b.dims[b.dims.length - 1]))
}

/** Softmax over the last axis of scores · scale where `mask` holds, zeros elsewhere; all zero where it holds nowhere. */
export function maskedSoftmax(graph: Graph, scores: Value, scale: number, mask: Value): Value {
  const scaled = binary(graph, 'Mul', scores, graph.scalar(scale))
  const masked = graph.op('Where', [mask, scaled, graph.scalar(-1e30)], scores.dims)
  return binary(graph, 'Mul', softmax(graph, masked, -1), toFloat(graph, mask))
}
