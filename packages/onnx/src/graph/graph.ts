/** The few compositions of ONNX operators that towers are made of. Shape letters: R rows, n tokens, M places, d width. */
import { ModelFile, type Value } from './model-file.ts'

/** ε of all norms. */
const epsilon = 1e-5

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1)

export class Graph extends ModelFile {
  /** The same numbers, row by row, in another shape. */
  reshape(x: Value, dims: readonly number[]): Value {
    // 0 keeps the rows, however many there are.
    return this.op('Reshape', [x, this.int64([0, ...dims])], dims)
  }

  flatten(x: Value): Value {
    return x.dims.length === 1 ? x : this.reshape(x, [count(x.dims)])
  }

  /** Zeros behind the last axis up to `width`. */
  padLast(x: Value, width: number): Value {
    const last = x.dims.length
    const extra = width - x.dims[last - 1]
    if (extra === 0) return x
    const pads = this.int64([...new Array(2 * last + 1).fill(0), extra])
    return this.op('Pad', [x, pads], [...x.dims.slice(0, -1), width])
  }

  /** [R, …] with a 1 as axis `axis` of the whole. */
  unsqueeze(x: Value, axis: number): Value {
    return this.op('Unsqueeze', [x, this.int64([axis])], x.dims.toSpliced(axis - 1, 0, 1))
  }

  /** Of values that are the same but for one axis; one alone stays as it is. */
  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0]
    const length = values.reduce((sum, { dims }) => sum + dims[axis - 1], 0)
    return this.op('Concat', values, values[0].dims.with(axis - 1, length), { axis })
  }

  /** A binary operator that broadcasts `b` into the shape of `a`. */
  binary(operator: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Min' | 'Max', a: Value, b: Value) {
    return this.op(operator, [a, b], a.dims)
  }

  toFloat(x: Value): Value {
    return this.op('Cast', [x], x.dims, { to: 1 })
  }

  /**
   * x W + b over the last axis, with `NAME.weight` [in, out] and `NAME.bias` [1, out] where the snapshot has one. A weight of
   * more rows than x has columns meets zeros there: kernels pad to whole vec4.
   */
  linear(name: string, x: Value): Value {
    const weight = this.weight(`${name}.weight`)
    const [inputs, outputs] = weight.dims
    const input = this.padLast(x, inputs)
    const bias = this.has(`${name}.bias`) ? [this.vector(`${name}.bias`)] : []
    if (x.dims.length === 1) return this.op('Gemm', [input, weight, ...bias], [outputs])
    const y = this.op('MatMul', [input, weight], x.dims.with(-1, outputs))
    return bias.length === 0 ? y : this.binary('Add', y, bias[0])
  }

  /** Y[r] = W X[r] over tokens, with `NAME.weight` [n', n] and, where there is one, `NAME.bias`, a number a token. */
  tokenMap(name: string, x: Value): Value {
    const weight = this.weight(`${name}.weight`)
    const [tokens] = weight.dims
    const y = this.op('MatMul', [weight, x], [tokens, x.dims[1]])
    return this.has(`${name}.bias`) ? this.binary('Add', y, this.weight(`${name}.bias`, [tokens, 1])) : y
  }

  relu(x: Value): Value {
    return this.op('Relu', [x], x.dims)
  }

  /** Our kernels' GELU is the tanh form. */
  gelu(x: Value): Value {
    return this.op('Gelu', [x], x.dims, { approximate: 'tanh' })
  }

  /** Over the last axis. */
  softmax(x: Value): Value {
    return this.op('Softmax', [x], x.dims, { axis: -1 })
  }

  /** Layer norm over the last axis; `NAME.gain` and `NAME.shift` where a name is given. */
  layerNorm(x: Value, name: string | null): Value {
    const width = x.dims[x.dims.length - 1]
    const affine =
      name === null
        ? [this.floats(new Array(width).fill(1))]
        : [this.vector(`${name}.gain`), this.vector(`${name}.shift`)]
    return this.op('LayerNormalization', [x, ...affine], x.dims, { axis: -1, epsilon: { float: epsilon } })
  }

  /** RMS norm over the last axis with `NAME.gain`. */
  rmsNorm(x: Value, name: string): Value {
    const squares = this.binary('Mul', x, x)
    const mean = this.op('ReduceMean', [squares, this.int64([-1])], x.dims.with(-1, 1), { keepdims: 1 })
    const root = this.op('Sqrt', [this.binary('Add', mean, this.scalar(epsilon))], mean.dims)
    return this.binary('Mul', this.binary('Div', x, root), this.vector(`${name}.gain`))
  }

  /** Axes of each row in another order: result axis i is axis `order[i]` of x, rows not counted. */
  permute(x: Value, order: readonly number[]): Value {
    const dims = order.map((axis) => x.dims[axis])
    return this.op('Transpose', [x], dims, { perm: [0, ...order.map((axis) => axis + 1)] })
  }

  /** Places `from … to − 1` of an axis, which is counted from the end: −1 is the last. */
  slice(x: Value, axis: number, from: number, to: number): Value {
    const bounds = [from, to, axis].map((value) => this.int64([value]))
    return this.op('Slice', [x, ...bounds], x.dims.with(axis, to - from))
  }

  /** a b of each row's matrices (or stacks of them), a […, m, k] and b […, k, n]. */
  product(a: Value, b: Value): Value {
    return this.op('MatMul', [a, b], a.dims.with(-1, b.dims[b.dims.length - 1]))
  }

  /** Softmax over the last axis of scores · scale where `mask` holds, zeros elsewhere; all zero where it holds nowhere. */
  maskedSoftmax(scores: Value, scale: number, mask: Value): Value {
    const scaled = this.binary('Mul', scores, this.scalar(scale))
    const masked = this.op('Where', [mask, scaled, this.scalar(-1e30)], scores.dims)
    return this.binary('Mul', this.softmax(masked), this.toFloat(mask))
  }

  /** Which of M places are below the row's length: bool [R, M] from int32 [R]. */
  belowLength(lengths: Value, places: number): Value {
    const positions = this.int32(Array.from({ length: places }, (_, place) => place))
    return this.op('Less', [positions, this.unsqueeze(lengths, 1)], [places])
  }

  /** Rows [R, M, d] of `table` for int32 ids [R, M]; zeros where `mask` does not hold, and for an id that the table does not have. */
  lookUp(table: string, ids: Value, mask: Value): Value {
    const weight = this.weight(table)
    const [buckets, width] = weight.dims
    const zero = this.int32([0], [])
    const known = this.op(
      'And',
      [this.op('GreaterOrEqual', [ids, zero], ids.dims), this.op('Less', [ids, this.int32([buckets], [])], ids.dims)],
      ids.dims,
    )
    const valid = this.op('And', [mask, known], ids.dims)
    const safe = this.op('Where', [valid, ids, zero], ids.dims)
    const rows = this.op('Gather', [weight, safe], [...ids.dims, width], { axis: 0 })
    return this.op('Mul', [rows, this.toFloat(this.unsqueeze(valid, 2))], rows.dims)
  }
}
