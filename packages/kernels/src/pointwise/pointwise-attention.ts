/**
 * Causal self-attention with pointwise weights over B rows of events (SiLU in place of softmax, with what relative place
 * and time add to a score, as in HSTU, Zhai et al. 2024, arXiv 2402.17152): for each head
 *   y_i = scale · Σ_{j ≤ i} SiLU(q_i · k_j / √D + biases[place(i − j)] + biases[P + time(|age_i − age_j|)]) v_j
 * Weights are not divided by their sum, so that y tells how many events there were, where softmax forgets it. place and
 * time are buckets (buckets.ts). `rows` has of each row its first event and how many it has, so that events may lie without
 * gaps; `ages` whole seconds. Neither scores nor weights are stored; the backward kernels work them out again.
 * With the forward's weights w = scale · SiLU(s), a score's gradient is scale · SiLU'(s) dy_i · v_j:
 * - `pointwise-attention.backward-query` owns queries: it writes dq into `dqkv`, and of each eight queries the sums of the
 *   scores' gradients by bucket into `partial` [B · ⌈L ÷ 8⌉, H · biasRow], to be summed over its rows;
 * - `pointwise-attention.backward-key-value` owns keys: it writes dk and dv into `dqkv`.
 * With `fill` the L places of a row lie side by side, and those behind its events get zeros; without, they are no row's own.
 * Shape letters: B rows, L events a row at most, N events, H heads, D columns of a head, P places, at most 12, T times, at
 * most 32. Offsets and strides count floats, `biasRow` those of a head's biases.
 */
import type { Kernel, ReferenceArrays } from '@headwater/gpu'
import { exampleLengths } from '../attention/example-lengths.ts'
import {
  blockOf,
  loadOwn,
  outsideSums,
  type Places,
  parts,
  product,
  type SelfAttentionTuning,
  selfAttentionTunings,
  selfAttentionWgsl,
  storeOwn,
  zeros,
} from '../attention/self-attention-wgsl.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { rowLanes } from '../wgsl/row-lanes.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { bucketReference, exampleAges, exampleRows, scoreWgsl, siluReference, siluSlopeReference } from './buckets.ts'

/** Most buckets of places and of times. */
const [mostPlaces, mostTimes] = [12, 32]
const bins = mostPlaces + mostTimes

/** Queries that share a row of `partial`. */
const eight = 8

const uniforms = {
  ...all('size', 'B', 'L', 'H', 'D', 'P', 'T', 'biasRow'),
  ...all('u32', 'qOffset', 'kOffset', 'vOffset', 'row', 'yOffset', 'yRow', 'fill'),
  scale: 'f32',
} as const

export type PointwiseAttentionShape = ShapeOf<typeof uniforms> & { N: number }

const places: Places = {
  first: 'rows[b * 2u]',
  length: 'min(rows[b * 2u + 1u], u.L)',
  stored: 'select(length, u.L, u.fill == 1u)',
}

const declarations = /* wgsl */ `${scoreWgsl}
fn gap(a: u32, b: u32) -> u32 { return max(a, b) - min(a, b); }`

/** Of owned row r, whatever it is: the age of its event. */
const ownAge = (r: number) => `let age${r} = ages[place + place${r}];`
/** Before the owned rows' statements: the age of the partner's event. */
const partnerAge = 'let age = ages[place + j];'

/** Declares which buckets the pair has, its score and whether the query sees the key. */
const score = (r: number, query: string, key: string, sum: string) => /* wgsl */ `
      let seen = ${key} <= ${query};
      let near = bucket(${query} - ${key}, u.P);
      let time = u.P + bucket(gap(age, age${r}), u.T);
      let score = ${sum} * scale + biases[h * u.biasRow + near] + biases[h * u.biasRow + time];`

const slope = 'u.scale * sigmoid * (1.0 + score * (1.0 - sigmoid))'

/** Adds `factor` times a partner row where the pair is seen: 0 · NaN must not get through. */
const add = (to: string, factor: string, from: string, width: number): string =>
  parts(to, width)
    .map((part, c) => `${part} = select(${part}, ${part} + ${factor} * ${from}_${c}, seen);`)
    .join(' ')

const ownQuery = (r: number, width: number): string => /* wgsl */ `
  ${ownAge(r)}
  let qAt${r} = qAt + place${r} * u.row;
  ${loadOwn(`q${r}`, 'qkv', `qAt${r}`, width)}`

const overKeys = { from: '0u', to: 'select(min(length, end), 0u, start >= length)', partners: ['k', 'v'] } as const

function forwardWgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const step = (r: number) => /* wgsl */ `{${score(r, `own${r}`, 'j', `(${product(`q${r}`, 'k', width)} + far${r})`)}
      let weight = u.scale * silu(score);
      ${add(`y${r}`, 'weight', 'v', width)}
    }`
  return selfAttentionWgsl(tuning, {
    ...overKeys,
    places,
    declarations,
    own: (r) => `${ownQuery(r, width)}\n  ${zeros(`y${r}`, width)}`,
    body: `${partnerAge}${outsideSums(rows, { far: ['q', 'k'] })}\n    ${rows.map(step).join('\n    ')}`,
    store: (r) => /* wgsl */ `let yAt = gAt + own${r} * u.yRow;
    ${storeOwn('y', 'yAt', width, (c) => `select(vec4f(), y${r}_${c}, live)`)}`,
  })
}

/** A query's slopes are summed by bucket in workgroup memory of its own; those of eight come together at the end. */
function queryWgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const [lanes, block] = [rowLanes(tuning), blockOf(tuning)]
  const step = (r: number) => /* wgsl */ `{${score(r, `own${r}`, 'j', `(${product(`q${r}`, 'k', width)} + far${r})`)}
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let slope = ${slope} * (${product(`g${r}`, 'v', width)} + gain${r});
      ${add(`dq${r}`, 'slope', 'k', width)}
      if (seen && own${r} < length) {
        slopes[(${r * lanes}u + lane) * ${bins}u + near] += slope;
        slopes[(${r * lanes}u + lane) * ${bins}u + time] += slope;
      }
    }`
  return selfAttentionWgsl(tuning, {
    ...overKeys,
    places,
    tile: 128,
    declarations: `${declarations}\nvar<workgroup> slopes: array<f32, ${block * bins}>;`,
    own: (r) => /* wgsl */ `${ownQuery(r, width)}
  let gAt${r} = gAt + place${r} * u.yRow;
  ${loadOwn(`g${r}`, 'dy', `gAt${r}`, width)}
  ${zeros(`dq${r}`, width)}`,
    body: `${partnerAge}${outsideSums(rows, { far: ['q', 'k'], gain: ['g', 'v'] })}\n    ${rows.map(step).join('\n    ')}`,
    after: /* wgsl */ `
  workgroupBarrier();
  let eights = (u.L + ${eight - 1}u) / ${eight}u;
  for (var i = lane; first == 0u && i < ${block / eight}u * u.biasRow; i += ${lanes}u) {
    let e = i % u.biasRow;
    let own = i / u.biasRow;
    var sum = 0.0;
    for (var o = 0u; e < u.P + u.T && o < ${eight}u; o++) { sum += slopes[(own * ${eight}u + o) * ${bins}u + e]; }
    let eighth = start / ${eight}u + own;
    if (eighth < eights) { partial[((b * eights + eighth) * u.H + h) * u.biasRow + e] = sum; }
  }`,
    store: (r) => storeOwn('dqkv', `qAt${r}`, width, (c) => `select(vec4f(), dq${r}_${c} * scale, live)`),
  })
}

function keyValueWgsl(tuning: SelfAttentionTuning): string {
  const { width } = tuning
  const rows = range(tuning.rows)
  const step = (r: number) => /* wgsl */ `{${score(r, 'j', `own${r}`, `(${product(`k${r}`, 'q', width)} + far${r})`)}
      let sigmoid = 1.0 / (1.0 + exp(-score));
      let weight = u.scale * silu(score);
      let slope = ${slope} * (${product(`v${r}`, 'g', width)} + gain${r});
      ${add(`dv${r}`, 'weight', 'g', width)}
      ${add(`dk${r}`, 'slope', 'q', width)}
    }`
  return selfAttentionWgsl(tuning, {
    places,
    declarations,
    own: (r) => /* wgsl */ `
  ${ownAge(r)}
  let kAt${r} = kAt + place${r} * u.row;
  let vAt${r} = vAt + place${r} * u.row;
  ${loadOwn(`k${r}`, 'qkv', `kAt${r}`, width)}
  ${loadOwn(`v${r}`, 'qkv', `vAt${r}`, width)}
  ${zeros(`dk${r}`, width)} ${zeros(`dv${r}`, width)}`,
    from: 'start',
    to: 'select(length, 0u, start >= length)',
    partners: ['q', 'g'],
    body: `${partnerAge}${outsideSums(rows, { far: ['k', 'q'], gain: ['v', 'g'] })}\n    ${rows.map(step).join('\n    ')}`,
    store: (r) => /* wgsl */ `${storeOwn('dqkv', `kAt${r}`, width, (c) => `select(vec4f(), dk${r}_${c} * scale, live)`)}
    ${storeOwn('dqkv', `vAt${r}`, width, (c) => `select(vec4f(), dv${r}_${c}, live)`)}`,
  })
}

/** Queries, keys and values side by side, in one tensor [N, 3·H·D]. */
function fused(B: number, L: number, H: number, D: number, P: number, T: number): PointwiseAttentionShape {
  const width = H * D
  const offsets = { qOffset: 0, kOffset: width, vOffset: 2 * width, row: 3 * width, yOffset: 0, yRow: width }
  return { B, L, N: B * L, H, D, P, T, biasRow: Math.ceil((P + T) / 4) * 4, ...offsets, fill: 0, scale: 1 }
}

/** Rows of an odd number lie without gaps (`exampleRows`), so only an even one can be filled. */
const cases: readonly PointwiseAttentionShape[] = [
  fused(1, 1, 1, 4, 1, 1),
  { ...fused(4, 37, 2, 8, 5, 12), qOffset: 5, kOffset: 30, vOffset: 53, row: 71, yOffset: 3, yRow: 19, fill: 1 },
  { ...fused(3, 70, 2, 12, 7, 32), scale: 0.5 },
  fused(2, 33, 2, 36, 12, 20),
  fused(1, 20, 1, 68, 3, 9),
  // more than 65,535 workgroups
  fused(16_501, 1, 4, 4, 1, 1),
]

function draw(between: (low: number, high: number) => number): PointwiseAttentionShape {
  const [B, H, D] = [between(1, 3), between(1, 3), between(1, 18) * 4]
  const width = H * D + between(0, 3)
  const gaps = {
    qOffset: between(0, 5),
    row: 3 * width + between(0, 3),
    yOffset: between(0, 5),
    yRow: H * D + between(0, 3),
  }
  const own = { ...gaps, kOffset: gaps.qOffset + width, vOffset: gaps.qOffset + 2 * width }
  const shape = fused(B, between(1, 70), H, D, between(1, mostPlaces), between(1, mostTimes))
  return { ...shape, ...own, fill: B % 2 === 0 ? between(0, 1) : 0, scale: between(1, 8) / 4 }
}

const pairs = ({ B, L, H }: PointwiseAttentionShape): number => (B * H * L * (L + 1)) / 2

const qkvSize = (s: PointwiseAttentionShape): number =>
  Math.max(s.qOffset, s.kOffset, s.vOffset) + (s.N - 1) * s.row + s.H * s.D
const ySize = (s: PointwiseAttentionShape): number => s.yOffset + (s.N - 1) * s.yRow + s.H * s.D
const partialSize = (s: PointwiseAttentionShape): number => s.B * Math.ceil(s.L / eight) * s.H * s.biasRow

const inputs = { ...reads('f32', 'qkv'), ...reads('u32', 'rows', 'ages'), ...reads('f32', 'biases') }
const inputSizes = (s: PointwiseAttentionShape) => ({
  qkv: qkvSize(s),
  rows: s.B * 2,
  ages: s.N,
  biases: s.H * s.biasRow,
})
type Inputs = keyof typeof inputs

/** What the three kernels have in common. */
const pointwiseAttention = {
  uniforms,
  tunings: selfAttentionTunings.filter(({ width }) => width <= 32),
  bucket: ({ D }: PointwiseAttentionShape): string => (D <= 16 ? 'head ≤ 16' : 'head > 16'),
  workgroups: ({ B, H, L, D }: PointwiseAttentionShape, tuning: SelfAttentionTuning) =>
    linearGroups(B * H * Math.ceil(L / blockOf(tuning)) * Math.ceil(D / tuning.width)),
  cases,
  draw,
  benchmarks: [fused(256, 128, 1, 16, 12, 32), fused(64, 256, 2, 32, 12, 32)],
  example: ({ B, L, N }: PointwiseAttentionShape, random: () => number) => ({
    rows: exampleRows(B, L, exampleLengths(B, L, random)),
    ages: exampleAges(N, random),
  }),
} as const

/** Of each pair of a query i and a key j that it sees: where both lie, their score, and its two biases. */
function* seenPairs(s: PointwiseAttentionShape, { qkv, rows, ages, biases }: ReferenceArrays<Inputs>) {
  for (let b = 0; b < s.B; b++)
    for (let h = 0; h < s.H; h++)
      for (let i = 0; i < rows[b * 2 + 1]!; i++)
        for (let j = 0; j <= i; j++) {
          const [query, key] = [rows[b * 2]! + i, rows[b * 2]! + j]
          const [q, k, v] = [
            s.qOffset + query * s.row + h * s.D,
            s.kOffset + key * s.row + h * s.D,
            s.vOffset + key * s.row + h * s.D,
          ] as const
          let product = 0
          for (let d = 0; d < s.D; d++) product += qkv[q + d]! * qkv[k + d]!
          const near = h * s.biasRow + bucketReference(i - j, s.P)
          const time = h * s.biasRow + s.P + bucketReference(Math.abs(ages[query]! - ages[key]!), s.T)
          const score = product / Math.sqrt(s.D) + biases[near]! + biases[time]!
          yield {
            q,
            k,
            v,
            y: s.yOffset + query * s.yRow + h * s.D,
            row: b * Math.ceil(s.L / eight) + (i >> 3),
            near,
            time,
            score,
          }
        }
}

/** Zeros in the columns from `offset` on of each place of a row that results are stored for. */
function clear(
  s: PointwiseAttentionShape,
  rows: Float64Array | Uint32Array,
  to: Float64Array | Uint32Array,
  offset: number,
  stride: number,
): void {
  for (let b = 0; b < s.B; b++) {
    const begin = rows[b * 2]!
    for (let event = begin; event < begin + (s.fill ? s.L : rows[b * 2 + 1]!); event++)
      to.fill(0, offset + event * stride, offset + event * stride + s.H * s.D)
  }
}

type BackwardArrays = ReferenceArrays<Inputs | 'dy' | 'dqkv' | 'partial'>

/** Σ dy · v over the columns of a head. */
function gainOf({ D }: PointwiseAttentionShape, { qkv, dy }: BackwardArrays, y: number, v: number): number {
  let gain = 0
  for (let d = 0; d < D; d++) gain += dy[y + d]! * qkv[v + d]!
  return gain
}

function queryReference(s: PointwiseAttentionShape, arrays: BackwardArrays): void {
  const { qkv, rows, dqkv, partial } = arrays
  clear(s, rows, dqkv, s.qOffset, s.row)
  partial.fill(0)
  for (const { q, k, v, y, row, near, time, score } of seenPairs(s, arrays)) {
    const slope = s.scale * siluSlopeReference(score) * gainOf(s, arrays, y, v)
    for (const bias of [near, time]) partial[row * s.H * s.biasRow + bias]! += slope
    for (let d = 0; d < s.D; d++) dqkv[q + d]! += (slope * qkv[k + d]!) / Math.sqrt(s.D)
  }
}

function keyValueReference(s: PointwiseAttentionShape, arrays: BackwardArrays): void {
  const { qkv, rows, dy, dqkv } = arrays
  clear(s, rows, dqkv, s.kOffset, s.row)
  clear(s, rows, dqkv, s.vOffset, s.row)
  for (const { q, k, v, y, score } of seenPairs(s, arrays)) {
    const slope = s.scale * siluSlopeReference(score) * gainOf(s, arrays, y, v)
    for (let d = 0; d < s.D; d++) {
      dqkv[k + d]! += (slope * qkv[q + d]!) / Math.sqrt(s.D)
      dqkv[v + d]! += s.scale * siluReference(score) * dy[y + d]!
    }
  }
}

export const pointwiseAttentionForward: Kernel<PointwiseAttentionShape, Inputs | 'y', SelfAttentionTuning> = {
  name: 'pointwise-attention.forward',
  bindings: { ...inputs, ...writes('f32', 'y') },
  ...pointwiseAttention,
  wgsl: forwardWgsl,
  sizes: (s) => ({ ...inputSizes(s), y: ySize(s) }),
  reference: (s, arrays) => {
    clear(s, arrays.rows, arrays.y, s.yOffset, s.yRow)
    for (const { v, y, score } of seenPairs(s, arrays))
      for (let d = 0; d < s.D; d++) arrays.y[y + d]! += s.scale * siluReference(score) * arrays.qkv[v + d]!
  },
  cost: (s) => ({ flops: pairs(s) * s.D * 4, bytes: 4 * s.B * s.L * (s.H * 4 * s.D + 1) }),
  tolerance: ({ L }) => ({ absolute: 1e-5 + 1e-6 * L, relative: 2e-5 }),
}

/** Both kernels' shares of the gradient by qkv, for the gradient check. */
function wholeGradient(s: PointwiseAttentionShape, given: ReferenceArrays): Float64Array {
  const fresh = { dqkv: new Float64Array(given.qkv!.length), partial: new Float64Array(partialSize(s)) }
  const arrays = { ...given, ...fresh } as BackwardArrays & typeof fresh
  queryReference(s, arrays)
  keyValueReference(s, arrays)
  return arrays.dqkv
}

const gradient = { forward: pointwiseAttentionForward, from: { y: 'dy' }, to: { qkv: wholeGradient } } as const

const tolerance = ({ L }: PointwiseAttentionShape) => ({ absolute: 2e-5 + 2e-6 * L, relative: 3e-5 })

export const pointwiseAttentionBackwardQuery: Kernel<
  PointwiseAttentionShape,
  Inputs | 'dy' | 'dqkv' | 'partial',
  SelfAttentionTuning
> = {
  name: 'pointwise-attention.backward-query',
  bindings: { ...inputs, ...reads('f32', 'dy'), ...writes('f32', 'dqkv', 'partial') },
  ...pointwiseAttention,
  wgsl: queryWgsl,
  sizes: (s) => ({ ...inputSizes(s), dy: ySize(s), dqkv: qkvSize(s), partial: partialSize(s) }),
  reference: queryReference,
  cost: (s) => ({ flops: pairs(s) * s.D * 6, bytes: 4 * (s.B * s.L * (s.H * 5 * s.D + 1) + partialSize(s)) }),
  tolerance,
  gradient: {
    ...gradient,
    to: {
      ...gradient.to,
      biases: (s, given) => {
        const partial = new Float64Array(partialSize(s))
        queryReference(s, { ...given, dqkv: new Float64Array(given.qkv!.length), partial } as BackwardArrays)
        const biases = new Float64Array(s.H * s.biasRow)
        for (const [i, value] of partial.entries()) biases[i % biases.length]! += value
        return biases
      },
    },
  },
}

export const pointwiseAttentionBackwardKeyValue: Kernel<
  PointwiseAttentionShape,
  Inputs | 'dy' | 'dqkv',
  SelfAttentionTuning
> = {
  name: 'pointwise-attention.backward-key-value',
  bindings: { ...inputs, ...reads('f32', 'dy'), ...writes('f32', 'dqkv') },
  ...pointwiseAttention,
  wgsl: keyValueWgsl,
  sizes: (s) => ({ ...inputSizes(s), dy: ySize(s), dqkv: qkvSize(s) }),
  reference: (s, arrays) => keyValueReference(s, { ...arrays, partial: new Float64Array(0) }),
  cost: (s) => ({ flops: pairs(s) * s.D * 8, bytes: 4 * s.B * s.L * (s.H * 6 * s.D + 1) }),
  tolerance,
  gradient,
}
