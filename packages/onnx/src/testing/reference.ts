/**
 * Both towers in float64, row by row, straight from their equations: it shares nothing with the graphs, layers and kernels.
 * A token matrix is a list of tokens. Shape letters: d token width, n tokens, K embeddings of D, F dense values, C channels.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { ModelConfig } from '@headwater/runtime'

/** A tensor of the snapshot. */
export interface Matrix {
  readonly rows: number
  readonly cols: number
  readonly data: ArrayLike<number>
}
export type Values = ReadonlyMap<string, Matrix>

type Vector = number[]

const sum = (x: Vector) => x.reduce((a, b) => a + b, 0)
const add = (x: Vector, y: Vector) => x.map((value, i) => value + y[i])
const scale = (x: Vector, s: number) => x.map((value) => value * s)
const dot = (x: Vector, y: Vector) => sum(x.map((value, i) => value * y[i]))
const relu = (x: Vector) => x.map((value) => Math.max(0, value))
const gelu = (x: Vector) =>
  x.map((value) => (value / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3))))

function softmax(scores: Vector): Vector {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)))
  return scale(powers, 1 / sum(powers))
}

/** Σ weight · token, zero for none. */
const mix = (weights: Vector, tokens: Vector[], width: number) =>
  tokens.reduce((total, token, i) => add(total, scale(token, weights[i])), new Array<number>(width).fill(0))

function cut(x: Vector, width: number): Vector[] {
  return Array.from({ length: x.length / width }, (_, i) => x.slice(i * width, (i + 1) * width))
}

/** The equations of a tower over the tensors of one snapshot. */
class Equations {
  readonly #values: Values

  constructor(values: Values) {
    this.#values = values
  }

  row(name: string, row: number): Vector {
    const { rows, cols, data } = this.#values.get(name)!
    if (row >= rows) throw new RangeError(`${name} has ${rows} rows, ${row} was asked for`)
    return Array.from({ length: cols }, (_, c) => data[row * cols + c])
  }

  /** x W + b; rows of W beyond the length of x meet padding. */
  linear(name: string, x: Vector): Vector {
    const { cols, rows, data } = this.#values.get(`${name}.weight`)!
    if (x.length > rows) throw new RangeError(`${name} takes ${rows} numbers, not ${x.length}`)
    const bias = this.#values.get(`${name}.bias`)
    return Array.from(
      { length: cols },
      (_, o) => (bias?.data[o] ?? 0) + sum(x.map((value, i) => value * data[i * cols + o])),
    )
  }

  /** W X over tokens, plus a number a token. */
  tokenMap(name: string, tokens: Vector[]): Vector[] {
    const { rows, cols, data } = this.#values.get(`${name}.weight`)!
    if (tokens.length !== cols) throw new RangeError(`${name} takes ${cols} tokens, not ${tokens.length}`)
    const bias = this.#values.get(`${name}.bias`)
    return Array.from({ length: rows }, (_, o) =>
      mix(Array.from(data).slice(o * cols, (o + 1) * cols), tokens, tokens[0].length).map(
        (value) => value + (bias?.data[o] ?? 0),
      ),
    )
  }

  norm(kind: 'layer' | 'rms' | 'none', name: string | null, x: Vector): Vector {
    if (kind === 'none') return x
    const mean = kind === 'layer' ? sum(x) / x.length : 0
    const variance = sum(x.map((value) => (value - mean) ** 2)) / x.length
    const y = x.map((value) => (value - mean) / Math.sqrt(variance + 1e-5))
    if (name === null) return y
    const scaled = y.map((value, i) => value * this.#values.get(`${name}.gain`)!.data[i])
    return kind === 'layer' ? add(scaled, this.row(`${name}.shift`, 0)) : scaled
  }

  encoded({ standardize, encoding }: ModelConfig['user']['dense'], raw: Vector): Vector {
    const center = standardize ? this.row('user.dense.center', 0) : []
    const factor = standardize ? this.row('user.dense.scale', 0) : []
    return raw.flatMap((value, f) => {
      const x = standardize ? (value - center[f]) * factor[f] : value
      if (encoding.kind === 'plain') return [x]
      if (encoding.kind === 'periodic') {
        const turns = this.row('user.dense.frequencies', f).map((c) => 2 * Math.PI * c * x)
        return [...turns.map(Math.sin), ...turns.map(Math.cos), 0, 0, 0, 0]
      }
      const edges = this.row('user.dense.edges', f)
      const T = encoding.bins
      const components = Array.from({ length: T }, (_, t) => {
        if (edges[t + 1] === edges[t]) return x >= edges[t] ? 1 : 0
        const share = (x - edges[t]) / (edges[t + 1] - edges[t])
        if (share < 0 && t > 0) return 0
        return share > 1 && t < T - 1 ? 1 : share
      })
      while (components.length % 4 !== 0) components.push(0)
      return [...components, 0, 0, 0, 0]
    })
  }

  bag(table: string, kind: ModelConfig['user']['bags'], ids: Vector, width: number): Vector {
    const rows = ids.map((id) => this.row(table, id))
    if (kind === 'sum') return mix(new Array(rows.length).fill(1), rows, width)
    if (kind === 'mean' || !this.#values.has(`${table}.query`))
      return mix(new Array(rows.length).fill(1 / rows.length), rows, width)
    const query = this.row(`${table}.query`, 0)
    return mix(softmax(rows.map((row) => dot(query, row) / Math.sqrt(width))), rows, width)
  }

  block(name: string, heads: number, h: Vector[]): Vector[] {
    const d = h[0].length
    const each = d / heads
    const projected = h.map((token) =>
      this.linear(`${name}.projection`, this.norm('layer', `${name}.attention-norm`, token)),
    )
    const part = (l: number, which: number, head: number) =>
      projected[l].slice(which * d + head * each, which * d + (head + 1) * each)
    const attended = h.map((token, l) => {
      const outputs = Array.from({ length: heads }, (_, head) => {
        const scores = h.map((_, other) => dot(part(l, 0, head), part(other, 1, head)) / Math.sqrt(each))
        return mix(
          softmax(scores),
          h.map((_, other) => part(other, 2, head)),
          each,
        )
      })
      return add(token, this.linear(`${name}.attention`, outputs.flat()))
    })
    return attended.map((token) => {
      const hidden = gelu(this.linear(`${name}.hidden`, this.norm('layer', `${name}.hidden-norm`, token)))
      return add(token, this.linear(`${name}.output`, hidden))
    })
  }

  mlp(name: string, x: Vector, last = 'output'): Vector {
    return this.linear(`${name}.${last}`, relu(this.linear(`${name}.hidden`, x)))
  }

  compression(name: string, columns: number, X: Vector[]): Vector[] {
    const d = X[0].length
    const Z = cut(this.mlp(name, X.flat(), 'logits'), columns)
    const Y = Array.from({ length: columns }, (_, c) => mix(softmax(Z.map((row) => row[c])), X, d))
    const P = X.flatMap((token) => Y.map((other) => dot(token, other) / Math.sqrt(d)))
    return cut(this.linear(`${name}.output`, P), d)
  }

  cross(name: string, layers: number, X: Vector[]): Vector[] {
    const first = X.flat()
    let x = first
    for (let l = 1; l <= layers; l++) {
      const mapped = this.linear(`${name}.up${l}`, this.linear(`${name}.down${l}`, x))
      x = add(
        first.map((value, i) => value * mapped[i]),
        x,
      )
    }
    return this.tokenMap(`${name}.tokens`, cut(x, X[0].length))
  }

  mixer(name: string, X: Vector[]): Vector[] {
    const normed = X.map((token) => this.norm('layer', `${name}.token-norm`, token))
    const across = this.tokenMap(`${name}.token-hidden`, normed).map(gelu)
    const Y = this.tokenMap(`${name}.token-output`, across).map((token, i) => add(token, X[i]))
    const Z = Y.map((token) => {
      const hidden = gelu(this.linear(`${name}.channel-hidden`, this.norm('layer', `${name}.channel-norm`, token)))
      return add(token, this.linear(`${name}.channel-output`, hidden))
    })
    return this.tokenMap(`${name}.tokens`, Z)
  }
}

const idsOf = (batch: SideBatch, layout: SideLayout, i: number, r: number): Vector => {
  const { maxValues } = layout.bags[i]
  return [...batch.bags[i].ids.slice(r * maxValues, r * maxValues + batch.bags[i].lengths[r])]
}

function sequenceTokens(
  tower: Equations,
  config: ModelConfig['user'],
  layout: SideLayout,
  batch: SideBatch,
  r: number,
) {
  const { length: L, channels: C, weights: W, categories } = layout.sequence!
  const { ids, channels, lengths, categories: categoryIds } = batch.sequence!
  const d = config.tokenWidth
  const { blocks, heads, pooled, recent } = config.sequence
  const weights = config.sequence.sums ? W : 0
  const none = () => new Array<number>(d).fill(0)
  if (lengths[r] === 0) return Array.from({ length: pooled + recent + weights }, none)
  const v = Array.from({ length: lengths[r] }, (_, l) => {
    const at = r * L + l
    let token = tower.row('user.sequence', ids[at])
    for (const [k, { name }] of categories.entries())
      token = add(token, tower.row(`user.sequence.${name}`, categoryIds[k][at]))
    return token
  })
  const channel = (l: number, c: number) => channels[(r * L + l) * C + c]
  const sums = Array.from({ length: weights }, (_, w) =>
    v.reduce((sum, vector, l) => add(sum, scale(vector, 8 * channel(l, C - W + w))), none()),
  )
  if (pooled + recent === 0) return sums
  let h = v.map((vector, l) => {
    let token = vector
    for (let c = 0; c < C; c++) token = add(token, scale(tower.row('user.sequence.pooling', c), channel(l, c)))
    return token
  })
  for (let block = 1; block <= blocks; block++) h = tower.block(`user.sequence.block${block}`, heads, h)
  const pools = Array.from({ length: pooled }, (_, m) => {
    const query = tower.row('user.sequence.pooling', C + m)
    return mix(softmax(h.map((token) => dot(token, query) / Math.sqrt(d))), h, d)
  })
  const last = Array.from({ length: recent }, (_, j) => h[h.length - 1 - j] ?? none())
  return [...pools, ...last, ...sums]
}

/** The K·D numbers of one row, in the tower's own coordinates. */
export function referenceEmbeddings(
  values: Values,
  config: ModelConfig,
  layout: SideLayout,
  batch: SideBatch,
  r: number,
) {
  const tower = new Equations(values)
  const { tokenWidth: d, dense, bags, levels } = config.user
  const F = layout.dense.length
  const raw = [...batch.dense.slice(r * F, (r + 1) * F)]
  const denseX = dense.tokens > 0 ? cut(tower.linear('user.dense-tokens', tower.encoded(dense, raw)), d) : []
  let X = [
    ...denseX,
    ...layout.bags.map(({ name }, i) => tower.bag(`user.${name}`, bags, idsOf(batch, layout, i, r), d)),
    ...(layout.sequence ? sequenceTokens(tower, config.user, layout, batch, r) : []),
  ]
  for (const [k, level] of levels.entries()) {
    const name = `user.level${k + 1}`
    const extracted = [
      ...(level.mlp ? cut(tower.mlp(`${name}.mlp`, X.flat()), d) : []),
      ...(level.compression ? tower.compression(`${name}.compression`, level.compression.columns, X) : []),
      ...(level.cross ? tower.cross(`${name}.cross`, level.cross.layers, X) : []),
      ...(level.mixer ? tower.mixer(`${name}.mixer`, X) : []),
      ...(level.dense === false ? [] : denseX),
    ]
    const residual = level.residual === false ? null : tower.tokenMap(`${name}.residual`, X)
    X = extracted.map((token, i) =>
      tower.norm(level.norm, `${name}.norm`, residual === null ? token : add(token, residual[i])),
    )
  }
  const { count, width, norm, bound } = config.embeddings
  const e = cut(tower.linear('user.output', X.flat()), width)
  if (e.length !== count) throw new RangeError(`${e.length} embeddings instead of ${count}`)
  if (norm === 'layer') return e.flatMap((one) => tower.norm('layer', null, one))
  return norm === 'bound' ? e.flatMap((one) => scale(one, Math.min(1, bound / Math.hypot(...one)))) : e.flat()
}

/** The T logits of one row for embeddings in the tower's own coordinates. */
export function referenceLogits(
  values: Values,
  config: ModelConfig,
  layout: SideLayout,
  batch: SideBatch,
  r: number,
  e: Vector,
): Vector {
  const tower = new Equations(values)
  const F = layout.dense.length
  const dense = [...batch.dense.slice(r * F, (r + 1) * F)]
  while (dense.length % 4 !== 0) dense.push(0)
  const bags = layout.bags.map(({ name }, i) =>
    tower.bag(`item.${name}`, 'mean', idsOf(batch, layout, i, r), config.mix.width),
  )
  const x = [...dense, ...bags.flat()]
  const v = tower.linear('mix.item-vector', x)
  const { interaction } = config.mix
  const dots: Vector = []
  if (interaction.kind === 'grouped') {
    const size = e.length / interaction.dots
    for (const [g, slice] of cut(e, size).entries()) dots.push(dot(slice, v.slice(g * size, (g + 1) * size)))
  } else {
    const vectors = [...cut(e, config.embeddings.width), ...cut(v, config.embeddings.width)]
    for (const [i, a] of vectors.entries()) for (const b of vectors.slice(0, i)) dots.push(dot(a, b))
  }
  const met =
    interaction.kind === 'grouped'
      ? tower.linear('mix.from-interaction', [...e, ...dots])
      : add(tower.linear('mix.from-embeddings', e), tower.linear('mix.from-dots', dots))
  let hidden = relu(add(met, tower.linear('mix.from-item', x)))
  for (let layer = 2; layer <= config.mix.hidden.length; layer++)
    hidden = relu(tower.linear(`mix.hidden${layer}`, hidden))
  return tower.linear('mix.heads', hidden)
}
