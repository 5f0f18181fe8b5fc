/**
 * The reading version: user tower, mix tower and loss in plain float64, a row at a time, to be read from top to bottom
 * beside docs/model.md. Layers and towers are tested against it, and it shares nothing with them. It knows no dropout, which
 * training alone has. A vector is a list of numbers, and tokens are a list of vectors, oldest or first one first.
 * Shape letters: d numbers of a token, n tokens, L events of C channels, K embeddings of D numbers, J = K · D, T tasks.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { EncodingConfig, EncodingKind } from './encodings/encodings.ts'
import type { ExtractorConfig, ExtractorKind } from './extractors/extractors.ts'
import type { InteractionConfig, InteractionKindName } from './interactions/interactions.ts'
import type { TokenConfig, TokenKindName } from './tokens/token-kinds.ts'
import type { ModelConfig } from './tower/config.ts'
import type { LevelConfig } from './tower/level.ts'

type Vector = readonly number[]
type Tokens = readonly Vector[]

/** Tensors by their names, as a snapshot has them: row-major. */
export type Tensors = ReadonlyMap<string, Matrix>
type Matrix = { readonly rows: number; readonly cols: number; readonly data: ArrayLike<number> }

// ---------------------------------------------------------------- Arithmetic

const sum = (x: Vector): number => x.reduce((total, value) => total + value, 0)
const plus = (x: Vector, y: Vector): Vector => x.map((value, i) => value + y[i])
const times = (x: Vector, factor: number): Vector => x.map((value) => value * factor)
const dot = (x: Vector, y: Vector): number => x.reduce((total, value, i) => total + value * y[i], 0)
const zeros = (count: number): Vector => new Array<number>(count).fill(0)
const list = <T>(length: number, at: (i: number) => T): T[] => zeros(length).map((_, i) => at(i))

/** Zeros behind x up to a multiple of 4. */
const padded = (x: Vector): Vector => [...x, ...zeros((4 - (x.length % 4)) % 4)]

/** Pieces of d numbers: the tokens X of vec X. */
export const cut = (x: Vector, d: number): Tokens => list(x.length / d, (i) => x.slice(i * d, (i + 1) * d))

/** Σ weight · vector, each of `width` numbers; zeros for no vectors. */
const weighted = (weights: Vector, vectors: Tokens, width: number): Vector =>
  list(width, (e) => vectors.reduce((total, vector, i) => total + weights[i] * vector[e], 0))

const silu = (x: number): number => x / (1 + Math.exp(-x))
const relu = (x: Vector): Vector => x.map((value) => Math.max(0, value))
const gelu = (x: Vector): Vector =>
  x.map((value) => 0.5 * value * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3))))

function softmax(z: Vector): Vector {
  const powers = z.map((value) => Math.exp(value - Math.max(...z)))
  return times(powers, 1 / sum(powers))
}

/** Σ softmax(query · key ÷ √d) value */
const attend = (query: Vector, keys: Tokens, values: Tokens): Vector =>
  weighted(softmax(keys.map((key) => dot(query, key) / Math.sqrt(query.length))), values, query.length)

// ---------------------------------------------------------------- Maps with weights

function matrix(tensors: Tensors, name: string) {
  const found = tensors.get(name)
  if (!found) throw new RangeError(`There is no tensor ${name}; give those of a snapshot with this config and schema.`)
  return found
}

/** Row `row` of a tensor; zeros for one that it does not have, as of a bucket that a table does not have. */
function rowOf(tensors: Tensors, name: string, row = 0): Vector {
  const { rows, cols, data } = matrix(tensors, name)
  return row < rows ? list(cols, (c) => data[row * cols + c]) : zeros(cols)
}

/** x W + b, W [in, out]; without b where there is none of that name. */
export function linear(tensors: Tensors, name: string, x: Vector): Vector {
  const { rows, cols, data } = matrix(tensors, `${name}.weight`)
  if (x.length !== rows) throw new RangeError(`${name} takes ${rows} numbers, not ${x.length}.`)
  const y = tensors.has(`${name}.bias`) ? [...rowOf(tensors, `${name}.bias`)] : [...zeros(cols)]
  for (let i = 0; i < rows; i++) for (let o = 0; o < cols; o++) y[o] += x[i] * data[i * cols + o]
  return y
}

/** W X + b, W [out, in], b a number a token of the result; without b where there is none of that name. */
export function tokenMap(tensors: Tensors, name: string, x: Tokens): Tokens {
  const { rows, cols } = matrix(tensors, `${name}.weight`)
  if (x.length !== cols) throw new RangeError(`${name} takes ${cols} tokens, not ${x.length}.`)
  const bias = tensors.has(`${name}.bias`) ? rowOf(tensors, `${name}.bias`) : zeros(rows)
  const mapped = (o: number) => weighted(rowOf(tensors, `${name}.weight`, o), x, x[0].length)
  return list(rows, (o) => mapped(o).map((value) => value + bias[o]))
}

/** LN without gain and shift. */
function standardized(x: Vector): Vector {
  const mean = sum(x) / x.length
  const variance = sum(x.map((value) => (value - mean) ** 2)) / x.length
  return x.map((value) => (value - mean) / Math.sqrt(variance + 1e-5))
}

/** LN, RMS or nothing, of one token. */
export function norm(tensors: Tensors, name: string, kind: LevelConfig['norm'], x: Vector): Vector {
  if (!kind) return x
  const gain = rowOf(tensors, `${name}.gain`)
  const shift = kind === 'layer' ? rowOf(tensors, `${name}.shift`) : zeros(x.length)
  const y = kind === 'layer' ? standardized(x) : times(x, 1 / Math.sqrt(dot(x, x) / x.length + 1e-5))
  return y.map((value, i) => value * gain[i] + shift[i])
}

// ---------------------------------------------------------------- Features of a row

export interface Event {
  readonly id: number
  /** C of them; the last ones are the weights of sums. */
  readonly channels: Vector
  readonly categories: readonly { readonly name: string; readonly id: number }[]
}

/** A side's features of one row. */
export interface Row {
  readonly dense: Vector
  readonly bags: readonly { readonly name: string; readonly ids: Vector }[]
  /** Oldest event first, how many weights their channels end with, and L; null where the schema has no sequence. */
  readonly sequence: Sequence | null
}

interface Sequence {
  readonly events: readonly Event[]
  readonly weights: number
  readonly length: number
}

/** Row `r` of a batch; what lies behind a length is not looked at. */
export function rowAt(layout: SideLayout, { dense, bags, sequence }: SideBatch, r: number): Row {
  const part = (data: ArrayLike<number>, from: number, count: number) => list(count, (i) => data[from + i])
  const F = layout.dense.length
  const bagOf = ({ name, maxValues }: SideLayout['bags'][number], i: number) => {
    return { name, ids: part(bags[i].ids, r * maxValues, bags[i].lengths[r]) }
  }
  const event = (at: number, C: number): Event => ({
    id: sequence!.ids[at],
    channels: part(sequence!.channels, at * C, C),
    categories: layout.sequence!.categories.map(({ name }, k) => ({ name, id: sequence!.categories[k][at] })),
  })
  const events = layout.sequence && {
    events: list(sequence!.lengths[r], (l) => event(r * layout.sequence!.length + l, layout.sequence!.channels)),
    weights: layout.sequence.weights,
    length: layout.sequence.length,
  }
  return { dense: part(dense, r * F, F), bags: layout.bags.map(bagOf), sequence: events }
}

// ---------------------------------------------------------------- User tower: input tokens

type MakeTokens<K extends TokenKindName> = (t: Tensors, config: TokenConfig<K>, d: number, row: Row) => Tokens

/** x̂. Rounded as the towers round, since a step of an encoding may lie at a value that many rows have. */
function denseValues(tensors: Tensors, standardize: true | undefined, dense: Vector): Vector {
  if (!standardize) return dense
  const [center, scale] = ['center', 'scale'].map((what) => rowOf(tensors, `user.dense.${what}`))
  return dense.map((value, f) => Math.fround(Math.fround(value - center[f]) * scale[f]))
}

/** All dense columns as tokens. */
export const denseTokens: MakeTokens<'dense'> = (tensors, { standardize, encoding }, d, { dense }) => {
  if (dense.length === 0) return []
  const encoded = denseValues(tensors, standardize, dense).flatMap((x, f) => {
    if (!encoding) return [x]
    return [...padded((encodings[encoding.kind] as Encode<EncodingKind>)(tensors, encoding, f, x)), ...zeros(4)]
  })
  return cut(linear(tensors, 'user.dense-tokens', encoded), d)
}

type Encode<K extends EncodingKind> = (t: Tensors, config: EncodingConfig<K>, f: number, x: number) => Vector

/** By kind, what becomes of the value x of column f. */
const encodings: { readonly [K in EncodingKind]: Encode<K> } = {
  periodic: (tensors, _, f, x) => {
    const angles = rowOf(tensors, 'user.dense.frequencies', f).map((frequency) => 2 * Math.PI * frequency * x)
    return [...angles.map(Math.sin), ...angles.map(Math.cos)]
  },
  piecewise: (tensors, { bins }, f, x) => {
    const edges = rowOf(tensors, 'user.dense.edges', f)
    return list(bins, (t) => {
      const [low, high] = [edges[t], edges[t + 1]]
      if (low === high) return x >= high ? 1 : 0
      const share = (x - low) / (high - low)
      if (t > 0 && share < 0) return 0
      return t < bins - 1 && share > 1 ? 1 : share
    })
  },
}

/** The token of a bag, from its table `name`. A bag of one value at most has no query: its token is the vector. */
export function bagToken(tensors: Tensors, name: string, kind: TokenConfig<'bags'>['pooling'], ids: Vector): Vector {
  const vectors = ids.map((id) => rowOf(tensors, name, id))
  if (ids.length === 0) return zeros(matrix(tensors, name).cols)
  if (kind === 'attention' && tensors.has(`${name}.query`))
    return attend(rowOf(tensors, `${name}.query`), vectors, vectors)
  return times(vectors.reduce(plus), kind === 'sum' ? 1 : 1 / ids.length)
}

/** By powers of two: 0, 1 – 2, 3 – 6, …; what is farther than all of them is in the last. */
const bucket = (distance: number, buckets: number) => Math.min(Math.floor(Math.log2(1 + distance)), buckets - 1)

type Buckets = { readonly places: number; readonly times: number }

/** Σ SiLU(score) · value, by how many places and seconds lie between the query and each key: weights of any sum. */
function attendPointwise(
  query: Vector,
  keys: Tokens,
  values: Tokens,
  biases: Vector,
  by: Buckets,
  gaps: Vector,
): Vector {
  const scores = keys.map((key, l) => {
    const bias = biases[bucket(keys.length - 1 - l, by.places)] + biases[by.places + bucket(gaps[l], by.times)]
    return dot(query, key) / Math.sqrt(key.length) + bias
  })
  return weighted(scores.map(silu), values, query.length)
}

/** Whole seconds, as far as 32 bits go. */
const ageOf = ({ channels }: Event) => Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Math.exp(16 * channels[1]) - 0.5)))

type Blocks = NonNullable<TokenConfig<'events'>['blocks']>

/** A transformer block over the events of one row, of at most L. */
function block(
  tensors: Tensors,
  name: string,
  { heads, pointwise }: Blocks,
  h: Tokens,
  ages: Vector,
  L: number,
): Tokens {
  const [d, s] = [h[0].length, h[0].length / heads]
  // q, k and v of an event, side by side
  const normed = h.map((x) => norm(tensors, `${name}.attention-norm`, 'layer', x))
  const projected = normed.map((x) => linear(tensors, `${name}.projection`, x))
  const part = (which: number, head: number) =>
    projected.map((x) => x.slice(which * d + head * s, which * d + (head + 1) * s))
  const headOf = (l: number, head: number) => {
    const [q, k, v] = [0, 1, 2].map((which) => part(which, head))
    if (!pointwise) return attend(q[l], k, v)
    const biases = rowOf(tensors, `${name}.pointwise.biases`, head)
    const gaps = ages.map((age) => Math.abs(age - ages[l]))
    const seen = (x: Tokens) => x.slice(0, l + 1)
    return times(attendPointwise(q[l], seen(k), seen(v), biases, pointwise, gaps), 1 / Math.sqrt(L))
  }
  const attended = h.map((x, l) => {
    const outputs = list(heads, (head) => headOf(l, head))
    return plus(x, linear(tensors, `${name}.attention`, outputs.flat()))
  })
  return attended.map((x) => {
    const hidden = gelu(linear(tensors, `${name}.hidden`, norm(tensors, `${name}.hidden-norm`, 'layer', x)))
    return plus(x, linear(tensors, `${name}.output`, hidden))
  })
}

/** [pooled events | recent events | sums of events | events by pointwise attention] */
export const eventTokens: MakeTokens<'events'> = (tensors, { pooled = 0, recent = 0, ...own }, d, { sequence }) => {
  if (sequence === null) return []
  const M = own.pointwise?.queries ?? 0
  const { events, weights, length: L } = sequence
  const ofCategory = ({ name, id }: Event['categories'][number]) => rowOf(tensors, `user.sequence.${name}`, id)
  const v = events.map(({ id, categories }) =>
    categories.map(ofCategory).reduce(plus, rowOf(tensors, 'user.sequence', id)),
  )
  const weightsOf = (w: number) => events.map(({ channels }) => 8 * channels[channels.length - weights + w])
  const sums = list(own.sums ? weights : 0, (w) => weighted(weightsOf(w), v, d))
  if (events.length === 0) return [...list(pooled + recent, () => zeros(d)), ...sums, ...list(M, () => zeros(d))]
  if (pooled + recent + M === 0) return sums
  const C = events[0].channels.length
  const pooling = list(C + pooled, (row) => rowOf(tensors, 'user.sequence.pooling', row))
  let h: Tokens = events.map(({ channels }, l) => plus(v[l], weighted(channels, pooling.slice(0, C), d)))
  const ages = events.map(ageOf)
  const { blocks } = own
  for (let b = 1; blocks && b <= blocks.count; b++) h = block(tensors, `user.sequence.block${b}`, blocks, h, ages, L)
  const last = list(recent, (j) => h[h.length - 1 - j] ?? zeros(d))
  const pointwise = list(M, (m) => {
    const [query, biases] = ['queries', 'biases'].map((what) => rowOf(tensors, `user.sequence.pointwise.${what}`, m))
    return times(attendPointwise(query, h, h, biases, own.pointwise!, ages), 4 / Math.sqrt(L))
  })
  return [...pooling.slice(C).map((query) => attend(query, h, h)), ...last, ...sums, ...pointwise]
}

/** A⁻¹ b of a positive definite A, by elimination. */
function solve(A: Tokens, b: Vector): Vector {
  const rows = A.map((row, i) => [...row, b[i]])
  for (const [k, pivot] of rows.entries())
    for (const [i, row] of rows.entries())
      if (i !== k) rows[i] = row.map((value, j) => value - (row[k] / pivot[k]) * pivot[j])
  return rows.map((row, i) => row[b.length] / row[i])
}

/** Of each head of the memory the regression of what is left of outcomes on item vectors q: [of q | intercept, 0, 0, 0]. */
export function memoryOf(tensors: Tensors, { decays, shared }: TokenConfig<'memory'>, { sequence }: Row): Tokens {
  const { events, weights } = sequence!
  const C = matrix(tensors, 'user.memory.residuals').rows
  const isMissing = ({ channels }: Event) => C - weights >= 3 && channels[2] > 0.5
  const phi = events.map(({ id }) => [...rowOf(tensors, shared ? 'item.item' : 'user.memory.vectors', id), 1])
  return decays.map((_, h) => {
    const rate = Math.exp(rowOf(tensors, 'user.memory.decays')[h])
    const mix = list(C, (c) => rowOf(tensors, 'user.memory.residuals', c)[h])
    const penalties = rowOf(tensors, 'user.memory.ridge', h).slice(0, -3).map(Math.exp)
    const w = events.map((event, l) => (isMissing(event) ? 0 : Math.exp(-rate * (events.length - 1 - l))))
    const right = events.map(({ channels }, l) => w[l] * dot(channels, mix))
    const row = (i: number) =>
      weighted(
        phi.map((x, l) => w[l] * x[i]),
        phi,
        penalties.length,
      )
    const A = penalties.map((penalty, i) => row(i).map((value, j) => value + (i === j ? penalty : 0)))
    return [...solve(A, weighted(right, phi, penalties.length)), ...zeros(3)]
  })
}

/** The memory as tokens. */
export const memoryTokens: MakeTokens<'memory'> = (tensors, config, d, row) =>
  row.sequence ? cut(linear(tensors, 'user.memory.tokens', memoryOf(tensors, config, row).flat()), d) : []

/** By kind. */
const makeTokens: { readonly [K in TokenKindName]: MakeTokens<K> } = {
  dense: denseTokens,
  bags: (tensors, { pooling }, _, { bags }) =>
    bags.map(({ name, ids }) => bagToken(tensors, `user.${name}`, pooling, ids)),
  events: eventTokens,
  memory: memoryTokens,
}

/** X₀, and the dense tokens in it. */
export function inputTokens(tensors: Tensors, { tokenWidth, tokens }: ModelConfig['user'], row: Row) {
  const make = (config: TokenConfig) =>
    (makeTokens[config.kind] as MakeTokens<TokenKindName>)(tensors, config, tokenWidth, row)
  return { x0: tokens.flatMap(make), xDense: tokens.filter(({ kind }) => kind === 'dense').flatMap(make) }
}

// ---------------------------------------------------------------- User tower: levels

type Extract<K extends ExtractorKind> = (t: Tensors, name: string, config: ExtractorConfig<K>, x: Tokens) => Tokens

/** tokens(ReLU(vec X W₁ + b₁) W₂ + b₂) */
const mlp: Extract<'mlp'> = (tensors, name, _, x) => {
  const hidden = relu(linear(tensors, `${name}.hidden`, x.flat()))
  return cut(linear(tensors, `${name}.output`, hidden), x[0].length)
}

/** Products of the tokens with weighted sums of them, P = X (Aᵀ X)ᵀ ÷ √d, and a map of these. */
const compression: Extract<'compression'> = (tensors, name, { columns }, x) => {
  const d = x[0].length
  const hidden = relu(linear(tensors, `${name}.hidden`, x.flat()))
  const z = cut(linear(tensors, `${name}.logits`, hidden), columns)
  const sums = list(columns, (c) => weighted(softmax(z.map((row) => row[c])), x, d))
  const products = x.flatMap((token) => sums.map((other) => dot(token, other) / Math.sqrt(d)))
  return cut(linear(tensors, `${name}.output`, products), d)
}

/** x_l = x₀ ⊙ ((x_{l−1} V_l) U_l + b_l) + x_{l−1}, and a map over the tokens of the last. */
const cross: Extract<'cross'> = (tensors, name, { layers }, x) => {
  const x0 = x.flat()
  let xl: Vector = x0
  for (let l = 1; l <= layers; l++) {
    const mapped = linear(tensors, `${name}.up${l}`, linear(tensors, `${name}.down${l}`, xl))
    xl = xl.map((value, i) => x0[i] * mapped[i] + value)
  }
  return tokenMap(tensors, `${name}.tokens`, cut(xl, x[0].length))
}

/** An MLP over the tokens, one over the numbers of each, and a map over tokens. */
const mixer: Extract<'mixer'> = (tensors, name, _, x) => {
  const normed = x.map((token) => norm(tensors, `${name}.token-norm`, 'layer', token))
  const across = tokenMap(tensors, `${name}.token-output`, tokenMap(tensors, `${name}.token-hidden`, normed).map(gelu))
  const z = x.map((token, i) => {
    const y = plus(token, across[i])
    const hidden = linear(tensors, `${name}.channel-hidden`, norm(tensors, `${name}.channel-norm`, 'layer', y))
    return plus(y, linear(tensors, `${name}.channel-output`, gelu(hidden)))
  })
  return tokenMap(tensors, `${name}.tokens`, z)
}

const extractors: { readonly [K in ExtractorKind]: Extract<K> } = { mlp, compression, cross, mixer }

/** Norm([extracted tokens | X_dense] + W_r X) */
export function level(tensors: Tensors, name: string, config: LevelConfig, x: Tokens, xDense: Tokens): Tokens {
  const extracted = config.extractors.flatMap((own) =>
    (extractors[own.kind] as Extract<ExtractorKind>)(tensors, `${name}.${own.kind}`, own, x),
  )
  const tokens = config.dense ? [...extracted, ...xDense] : extracted
  const residual = config.residual && tokenMap(tensors, `${name}.residual`, x)
  const summed = residual ? tokens.map((token, i) => plus(token, residual[i])) : tokens
  return summed.map((token) => norm(tensors, `${name}.norm`, config.norm, token))
}

/** The J numbers of a user's embeddings, in the tower's own coordinates. */
export function userTower(tensors: Tensors, config: ModelConfig, user: Row): Vector {
  const { x0, xDense } = inputTokens(tensors, config.user, user)
  const next = (x: Tokens, one: LevelConfig, k: number) => level(tensors, `user.level${k + 1}`, one, x, xDense)
  const e = embeddings(tensors, config.embeddings, config.user.levels.reduce(next, x0))
  const memory = tokensOf(config, 'memory')
  const kept = memory && user.sequence ? memoryOf(tensors, memory, user).flat() : []
  const rest = zeros(config.embeddings.count * config.embeddings.width - e.length - kept.length)
  if (!config.embeddings.linear || user.dense.length === 0) return [...e, ...kept, ...rest]
  const values = denseValues(tensors, tokensOf(config, 'dense')?.standardize, user.dense)
  return [...plus(e, linear(tensors, 'user.linear', values)), ...kept, ...rest]
}

const tokensOf = <K extends TokenKindName>({ user }: ModelConfig, kind: K) =>
  user.tokens.find((own): own is TokenConfig<K> => own.kind === kind)

/** The head: J numbers from the last level's tokens, fewer where a memory stands behind them. */
export function embeddings(tensors: Tensors, { width, norm }: ModelConfig['embeddings'], x: Tokens): Vector {
  const each = cut(linear(tensors, 'user.output', x.flat()), width)
  if (!norm) return each.flat()
  if (norm.kind === 'layer') return each.flatMap(standardized)
  return each.flatMap((e) => times(e, Math.min(1, norm.largest / Math.hypot(...e))))
}

/** Published coordinates of the J numbers e, by a snapshot's alignment, W [J, J] and b. */
export const published = (e: Vector, weight: ArrayLike<number>, bias: ArrayLike<number>): Vector =>
  e.map((_, j) => bias[j] + sum(e.map((value, i) => value * weight[i * e.length + j])))

// ---------------------------------------------------------------- Mix tower

/** x: dense columns padded, and the mean of each bag's vectors. */
export function itemInputs(tensors: Tensors, item: Row): Vector {
  const bags = item.bags.flatMap(({ name, ids }) => bagToken(tensors, `item.${name}`, 'mean', ids))
  return [...padded(item.dense), ...bags]
}

type Meet<K extends InteractionKindName> = (
  t: Tensors,
  by: InteractionConfig<K>,
  D: number,
  e: Vector,
  v: Vector,
) => Vector

/** By kind, which part of the first hidden layer's sums the user has, from its embeddings e and the item vector v. */
const interactions: { readonly [K in InteractionKindName]: Meet<K> } = {
  grouped: (tensors, { dots }, _, e, v) => {
    const slices = cut(v, e.length / dots)
    const products = cut(e, e.length / dots).map((slice, g) => dot(slice, slices[g]))
    return linear(tensors, 'mix.from-interaction', [...e, ...padded(products)])
  },
  pairwise: (tensors, _, D, e, v) => {
    const vectors = cut([...e, ...v], D)
    const products = vectors.flatMap((a, i) => vectors.slice(0, i).map((b) => dot(a, b)))
    return plus(linear(tensors, 'mix.from-embeddings', e), linear(tensors, 'mix.from-dots', products))
  },
}

/** The T logits of a user's embeddings e, in the tower's own coordinates, and an item. */
export function mixTower(tensors: Tensors, config: ModelConfig, e: Vector, item: Row): Vector {
  const x = itemInputs(tensors, item)
  const { interaction } = config.mix
  const meet = interactions[interaction.kind] as Meet<InteractionKindName>
  const met = meet(tensors, interaction, config.embeddings.width, e, linear(tensors, 'mix.item-vector', x))
  let h = relu(plus(met, linear(tensors, 'mix.from-item', x)))
  for (let layer = 2; layer <= config.mix.hidden.length; layer++) h = relu(linear(tensors, `mix.hidden${layer}`, h))
  const logits = linear(tensors, 'mix.heads', h)
  const memory = tokensOf(config, 'memory')
  if (!memory || !tensors.has('mix.memory')) return logits
  const each = memory.width + 4
  const begin = e.length - Math.ceil((memory.decays.length * each) / config.embeddings.width) * config.embeddings.width
  const m = memory.decays.map((_, h) => e.slice(begin + h * each, begin + (h + 1) * each))
  const key = item.bags.find(({ name }) => name === 'item')
  const q = memory.shared ? bagToken(tensors, 'item.item', 'mean', key!.ids) : linear(tensors, 'mix.memory-vector', x)
  const scores = [...padded(m.map((one) => dot(one.slice(0, q.length), q))), ...padded(m.map((one) => one[q.length]))]
  return plus(
    logits,
    weighted(
      scores,
      list(8, (i) => rowOf(tensors, 'mix.memory', i)),
      logits.length,
    ),
  )
}

// ---------------------------------------------------------------- Loss

/** log(1 + exp z) */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)))

/** Cross-entropy of a logit, nats. */
export const crossEntropy = (logit: number, label: number): number =>
  label * softplus(-logit) + (1 - label) * softplus(logit)

/** What a row of a step came to, and what it is held against. */
export interface LossRow {
  readonly embeddings: Vector
  readonly logits: Vector
  readonly labels: Vector
  /** Of the labels; 0 where one is not known. */
  readonly weights: Vector
  /** The embeddings that the teacher gives, where distillation is asked for. */
  readonly teacher?: Vector
}

/**
 * The loss of a step.
 * @param step its configured rows, of which `rows` may be fewer, weights of the tasks, and μ of distillation
 */
export function loss(
  { embeddings }: ModelConfig,
  rows: readonly LossRow[],
  step: { readonly rows: number; readonly taskWeights: Vector; readonly distillation?: number },
): number {
  const J = embeddings.count * embeddings.width
  const entropy = ({ logits, labels, weights }: LossRow) =>
    sum(logits.map((logit, t) => step.taskWeights[t] * weights[t] * crossEntropy(logit, labels[t])))
  const distance = ({ embeddings: e, teacher = e }: LossRow) => sum(e.map((value, j) => (value - teacher[j]) ** 2))
  const { decorrelation = 0 } = embeddings
  const { distillation = 0 } = step
  const entropies = sum(rows.map(entropy)) / step.rows
  const correlated = decorrelation && decorrelation * covariances(rows, J)
  return entropies + correlated + (distillation / (step.rows * J)) * sum(rows.map(distance))
}

/** 1/J Σ_{i≠j} C_ij² of the embeddings' columns. */
function covariances(rows: readonly LossRow[], J: number): number {
  const means = list(J, (j) => sum(rows.map(({ embeddings }) => embeddings[j])) / rows.length)
  const centered = means.map((mean, j) => rows.map(({ embeddings }) => embeddings[j] - mean))
  const covariance = (a: Vector, b: Vector) => dot(a, b) / Math.max(1, rows.length - 1)
  return sum(centered.flatMap((a, i) => centered.map((b, j) => (i === j ? 0 : covariance(a, b) ** 2)))) / J
}
