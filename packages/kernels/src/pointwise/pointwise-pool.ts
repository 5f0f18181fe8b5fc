/**
 * Pooling of a row's events by learnt queries with pointwise weights (SiLU, as in HSTU, Zhai et al. 2024, arXiv 2402.17152):
 *   y[b, m] = scale · Σ_l SiLU(q_m · x_l / √D + biases[m, place(l)] + biases[m, P + time(l)]) x_l
 * over the events l of row b. Weights are not divided by their sum, so that y tells how many events there were, where
 * softmax forgets it. place(l) is the bucket of how many events of the row are newer, time(l) that of the event's age
 * (buckets.ts). `rows` has of each row its first event and how many it has, so that events may lie without gaps;
 * `ages` whole seconds. Neither scores nor weights are stored. The backward assigns or adds to dx; with `fill` the L places of
 * a row lie side by side, and those behind its events get zeros.
 * Shape letters: B rows, L events a row at most, N events, M queries, D4 vec4 of width, P places, T times. `yColumn` and
 * `yRow` count vec4, `biasRow`, of a query's biases, floats.
 */
import type { Kernel, ReferenceArrays, Tuning } from '@headwater/gpu'
import { exampleLengths } from '../attention/example-lengths.ts'
import { withGaps } from '../examples/with-gaps.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { all, type ShapeOf } from '../wgsl/uniforms.ts'
import { bucketReference, exampleAges, exampleRows, scoreWgsl, siluReference, siluSlopeReference } from './buckets.ts'

const uniforms = {
  ...all('size', 'B', 'L', 'M', 'D4', 'P', 'T', 'biasRow'),
  ...all('u32', 'yColumn', 'yRow', 'accumulate', 'fill'),
  scale: 'f32',
} as const

export type PointwisePoolShape = ShapeOf<typeof uniforms> & { N: number }

/**
 * Lanes that share a row and have a vec4 of it each, `quads` times: 8 of a subgroup, or one alone. They keep as much of
 * `queries` queries at a time in registers; columns of wider rows have further workgroups, and products go over all of them.
 */
interface PoolTuning extends Tuning {
  readonly lanes: 1 | 8
  readonly quads: number
  readonly queries: number
}

const tunings: readonly PoolTuning[] = [
  { name: 'lane-per-4-vec4', lanes: 1, quads: 4, queries: 1 },
  { name: 'subgroup-64', lanes: 8, quads: 2, queries: 2, minSubgroupSize: 8 },
]

type Inputs = 'x' | 'rows' | 'ages' | 'queries' | 'biases'

/** WGSL of one of M rows of queries: its vec4 at column d, and this invocation's quads of it, as `NAMEm_c`. */
interface Side {
  readonly name: string
  readonly buffer: string
  /** Where the first of the rows begins. */
  readonly begin: string
}

const at = ({ buffer, begin }: Side, m: number, d: string): string =>
  `${buffer}[${begin} + min(m0 + ${m}u, u.M - 1u) * u.D4 + ${d}]`

class PoolWgsl {
  readonly lanes: 1 | 8
  readonly quads: readonly number[]
  readonly queries: readonly number[]

  constructor({ lanes, quads, queries }: PoolTuning) {
    this.lanes = lanes
    this.quads = range(quads)
    this.queries = range(queries)
  }

  /** A line for each query and quad. */
  each(line: (m: number, c: number) => string): string {
    return this.queries.flatMap((m) => this.quads.map((c) => line(m, c))).join('\n    ')
  }

  /** Declares this invocation's quads, zeros where there is no such query or column. */
  load(side: Side): string {
    return this.each((m, c) => {
      const value = at(side, m, `at${c}`)
      return `let ${side.name}${m}_${c} = select(vec4f(), ${value}, m0 + ${m}u < u.M && quad${c} < u.D4);`
    })
  }

  /** What query m has of a value that each query's own lane worked out. */
  shared(value: string, m: number): string {
    return this.lanes === 1 ? value : `subgroupBroadcast(${value}, ${m}u)`
  }

  /** All of a kernel, with `body` for queries `m0`, `m0` + 1, … of row `b`, and `after` them. */
  main(body: string, after = ''): string {
    const { lanes, quads, queries } = this
    const width = lanes * quads.length
    const columns = quads.map(
      (c) => `let quad${c} = first + ${c * lanes}u + me; let at${c} = min(quad${c}, u.D4 - 1u);`,
    )
    return /* wgsl */ `
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
${scoreWgsl}
${lanes === 1 ? mainWgsl(64) : mainWgsl(8, 'lane', 'subgroup_invocation_id')}
  let chunks = (u.D4 + ${width - 1}u) / ${width}u;
  let task = ${lanes === 1 ? 'group * 64u + lane' : 'group'};
  let me = ${lanes === 1 ? '0u' : 'lane'};
  let b = task / chunks;
  if (b >= u.B) { return; }
  let first = task % chunks * ${width}u;
  let outside = u.D4 - min(${width}u, u.D4 - first);
  ${columns.join('\n  ')}
  let root = inverseSqrt(f32(u.D4 * 4u));
  let begin = rows[b * 2u];
  let length = rows[b * 2u + 1u];
  for (var m0 = 0u; m0 < u.M; m0 += ${queries.length}u) {
    let own = min(m0 + min(me, ${queries.length - 1}u), u.M - 1u);
    ${body}
  }
  ${after}
}`
  }

  /**
   * The loop over a row's events around `body`, which has of event `l` its quads `xc` and, of this lane's own query, `score`
   * and the product of x with each other side by its name, `of_NAME`.
   */
  loop(queries: Side, others: readonly Side[], body: string): string {
    const { lanes, quads } = this
    const sides = [queries, ...others]
    const sums = (side: Side) =>
      this.queries.map(
        (m) => `var of_${side.name}${m} = sum4(${quads.map((c) => `${side.name}${m}_${c} * x${c}`).join(' + ')});`,
      )
    const further = (side: Side) => this.queries.map((m) => `of_${side.name}${m} += dot(value, ${at(side, m, 'd')});`)
    const whole = (value: string) => (lanes === 1 ? value : `subgroupAdd(${value})`)
    const own = ({ name }: Side) =>
      this.queries.map((m) =>
        m === 0
          ? `var of_${name} = ${whole(`of_${name}0`)};`
          : `of_${name} = select(of_${name}, ${whole(`of_${name}${m}`)}, me == ${m}u);`,
      )
    return /* wgsl */ `
    for (var l = 0u; l < length; l++) {
      let event = begin + l;
      ${quads.map((c) => `let x${c} = select(vec4f(), x[event * u.D4 + at${c}], quad${c} < u.D4);`).join(' ')}
      ${sides.flatMap(sums).join('\n      ')}
      for (var i = me; i < outside; i += ${lanes}u) {
        let d = i + select(0u, ${lanes * quads.length}u, i >= first);
        let value = x[event * u.D4 + d];
        ${sides.flatMap(further).join('\n        ')}
      }
      ${sides.flatMap(own).join('\n      ')}
      let place = bucket(length - 1u - l, u.P);
      let time = u.P + bucket(ages[event], u.T);
      let score = of_${queries.name} * root + biases[own * u.biasRow + place] + biases[own * u.biasRow + time];
      ${body}
    }`
  }
}

const queriesSide: Side = { name: 'q', buffer: 'queries', begin: '0u' }

function forwardWgsl(tuning: PoolTuning): string {
  const pool = new PoolWgsl(tuning)
  const add = (m: number) =>
    `{ let w = ${pool.shared('weight', m)}; ${pool.quads.map((c) => `y${m}_${c} += w * x${c};`).join(' ')} }`
  return pool.main(/* wgsl */ `${pool.load(queriesSide)}
    ${pool.each((m, c) => `var y${m}_${c} = vec4f();`)}
    ${pool.loop(queriesSide, [], /* wgsl */ `let weight = u.scale * silu(score);\n      ${pool.queries.map(add).join('\n      ')}`)}
    let into = b * u.yRow + u.yColumn + m0 * u.D4;
    ${pool.each((m, c) => `if (m0 + ${m}u < u.M && quad${c} < u.D4) { y[into + ${m}u * u.D4 + quad${c}] = y${m}_${c}; }`)}`)
}

/** dx = Σ_m weight_m dy_m + slope_m q_m / √D. The slopes' sums by bucket are a lane's own; it keeps them in `partial`. */
function backwardWgsl(tuning: PoolTuning): string {
  const pool = new PoolWgsl(tuning)
  const dy: Side = { name: 'g', buffer: 'dy', begin: 'b * u.yRow + u.yColumn' }
  const share = (m: number) => /* wgsl */ `{
        let w = ${pool.shared('weight', m)};
        let s = ${pool.shared('slope', m)} * root;
        ${pool.quads.map((c) => `dx${c} += w * g${m}_${c} + s * q${m}_${c}; dq${m}_${c} += s * x${c};`).join(' ')}
      }`
  const store = (c: number) =>
    `if (quad${c} < u.D4) { let i = event * u.D4 + quad${c}; dx[i] = select(vec4f(), dx[i], m0 > 0u || u.accumulate == 1u) + dx${c}; }`
  const zeros = pool.quads.map((c) => `if (quad${c} < u.D4) { dx[(begin + l) * u.D4 + quad${c}] = vec4f(); }`)
  const fill = `for (var l = length; u.fill == 1u && l < u.L; l++) { ${zeros.join(' ')} }`
  return pool.main(
    /* wgsl */ `${pool.load(queriesSide)}
    ${pool.load(dy)}
    ${pool.each((m, c) => `var dq${m}_${c} = vec4f();`)}
    let queriesAt = b * u.M * (u.D4 * 4u + u.biasRow);
    let slopesAt = queriesAt + u.M * u.D4 * 4u + own * u.biasRow;
    let keeps = me < ${pool.queries.length}u && m0 + me < u.M && first == 0u;
    if (keeps) { for (var i = 0u; i < u.biasRow; i++) { partial[slopesAt + i] = 0.0; } }
    ${pool.loop(
      queriesSide,
      [dy],
      /* wgsl */ `let sigmoid = 1.0 / (1.0 + exp(-score));
      let weight = u.scale * silu(score);
      let slope = u.scale * of_g * sigmoid * (1.0 + score * (1.0 - sigmoid));
      if (keeps) {
        partial[slopesAt + place] += slope;
        partial[slopesAt + time] += slope;
      }
      ${pool.quads.map((c) => `var dx${c} = vec4f();`).join(' ')}
      ${pool.queries.map(share).join('\n      ')}
      ${pool.quads.map(store).join('\n      ')}`,
    )}
    ${pool.each((m, c) => {
      const into = `queriesAt + ((m0 + ${m}u) * u.D4 + quad${c}) * 4u`
      const stores = range(4).map((i) => `partial[i + ${i}u] = dq${m}_${c}[${i}];`)
      return `if (m0 + ${m}u < u.M && quad${c} < u.D4) { let i = ${into}; ${stores.join(' ')} }`
    })}`,
    fill,
  )
}

const dense = { yColumn: 0, accumulate: 0, fill: 0, scale: 1 }

/** Rows of an odd number lie without gaps (`exampleRows`), so only an even one can be filled. */
const cases: readonly PointwisePoolShape[] = [
  { ...dense, B: 1, L: 1, N: 1, M: 1, D4: 1, P: 1, T: 1, biasRow: 4, yRow: 1 },
  {
    ...dense,
    B: 19,
    L: 7,
    N: 133,
    M: 3,
    D4: 5,
    P: 3,
    T: 9,
    biasRow: 12,
    yColumn: 2,
    yRow: 19,
    accumulate: 1,
    scale: 0.5,
  },
  { ...dense, B: 6, L: 70, N: 420, M: 9, D4: 8, P: 7, T: 32, biasRow: 40, yRow: 72, fill: 1 },
  { ...dense, B: 3, L: 33, N: 100, M: 2, D4: 19, P: 4, T: 20, biasRow: 24, yRow: 38 },
  // more than 65,535 workgroups of a row
  { ...dense, B: 66_000, L: 1, N: 66_000, M: 1, D4: 1, P: 1, T: 1, biasRow: 4, yRow: 1 },
]

const draw = (between: (low: number, high: number) => number): PointwisePoolShape => {
  const [B, L, M, D4] = [between(1, 20), between(1, 40), between(1, 9), between(1, 20)]
  const [P, T] = [between(1, 12), between(1, 32)]
  const size = { B, L, N: B * L, M, D4, P, T, biasRow: Math.ceil((P + T) / 4) * 4, yColumn: 0, yRow: M * D4 }
  const flags = { accumulate: between(0, 1), fill: B % 2 === 0 ? between(0, 1) : 0 }
  return withGaps({ ...size, ...flags, scale: between(1, 8) / 4 }, between)
}

const benchmarks = [4, 16].map((D4) => ({
  ...dense,
  ...{ B: 512, L: 128, N: 512 * 128, M: 4, D4, P: 12, T: 32, biasRow: 44, yRow: 4 * D4, scale: 0.35 },
}))

const inputs = {
  ...reads('vec4f', 'x'),
  ...reads('u32', 'rows', 'ages'),
  ...reads('vec4f', 'queries'),
  ...reads('f32', 'biases'),
}
const inputSizes = ({ B, N, M, D4, biasRow }: PointwisePoolShape) => ({
  x: N * D4,
  rows: B * 2,
  ages: N,
  queries: M * D4,
  biases: M * biasRow,
})
const outputSize = ({ B, M, D4, yColumn, yRow }: PointwisePoolShape) => yColumn + (B - 1) * yRow + M * D4

/** What forward and backward have in common. */
const pointwisePool = {
  uniforms,
  tunings,
  bucket: ({ D4 }: PointwisePoolShape): string => (D4 <= 8 ? 'width ≤ 32' : 'width > 32'),
  workgroups: ({ B, D4 }: PointwisePoolShape, { lanes, quads }: PoolTuning) => {
    const tasks = B * Math.ceil(D4 / (lanes * quads))
    return linearGroups(lanes === 1 ? Math.ceil(tasks / 64) : tasks)
  },
  cases,
  draw,
  benchmarks,
  example: ({ B, L, N }: PointwisePoolShape, random: () => number) => ({
    rows: exampleRows(B, L, exampleLengths(B, L, random)),
    ages: exampleAges(N, random),
  }),
} as const

/** Of each query m of row b and each of its events: the event's number, its score and the two buckets' biases. */
function* scores(s: PointwisePoolShape, { x, rows, ages, queries, biases }: ReferenceArrays<Inputs>) {
  const D = s.D4 * 4
  for (let b = 0; b < s.B; b++)
    for (let m = 0; m < s.M; m++) {
      const [begin, length] = [rows[b * 2]!, rows[b * 2 + 1]!]
      for (let event = begin; event < begin + length; event++) {
        let product = 0
        for (let d = 0; d < D; d++) product += queries[m * D + d]! * x[event * D + d]!
        const place = m * s.biasRow + bucketReference(begin + length - 1 - event, s.P)
        const time = m * s.biasRow + s.P + bucketReference(ages[event]!, s.T)
        yield { b, m, event, place, time, score: product / Math.sqrt(D) + biases[place]! + biases[time]! }
      }
    }
}

export const pointwisePoolForward: Kernel<PointwisePoolShape, Inputs | 'y', PoolTuning> = {
  name: 'pointwise-pool.forward',
  bindings: { ...inputs, ...writes('vec4f', 'y') },
  ...pointwisePool,
  wgsl: forwardWgsl,
  sizes: (s) => ({ ...inputSizes(s), y: outputSize(s) }),
  reference: (s, arrays) => {
    const D = s.D4 * 4
    const yAt = (b: number, m: number) => (b * s.yRow + s.yColumn) * 4 + m * D
    for (let b = 0; b < s.B; b++) arrays.y.fill(0, yAt(b, 0), yAt(b, s.M))
    for (const { b, m, event, score } of scores(s, arrays))
      for (let d = 0; d < D; d++) arrays.y[yAt(b, m) + d]! += s.scale * siluReference(score) * arrays.x[event * D + d]!
  },
  cost: ({ B, L, M, D4 }) => ({ flops: B * L * M * D4 * 16, bytes: 4 * B * (L * (D4 * 4 + 1) + M * D4 * 4 + 2) }),
  tolerance: ({ L }) => ({ absolute: 1e-5 + 1e-6 * L, relative: 2e-5 }),
}

export const pointwisePoolBackward: Kernel<PointwisePoolShape, Inputs | 'dy' | 'dx' | 'partial', PoolTuning> = {
  name: 'pointwise-pool.backward',
  bindings: { ...inputs, ...reads('vec4f', 'dy'), ...writes('vec4f', 'dx'), ...writes('f32', 'partial') },
  ...pointwisePool,
  wgsl: backwardWgsl,
  sizes: (s) => ({
    ...inputSizes(s),
    dy: outputSize(s),
    dx: s.N * s.D4,
    partial: s.B * s.M * (s.D4 * 4 + s.biasRow),
  }),
  reference: (s, arrays) => {
    const { x, queries, dy, dx, partial } = arrays
    const D = s.D4 * 4
    partial.fill(0)
    for (let b = 0; b < s.B; b++) {
      const [begin, length] = [arrays.rows[b * 2]!, arrays.rows[b * 2 + 1]!]
      const places = s.fill ? s.L : length
      dx.fill(0, (begin + (s.accumulate ? length : 0)) * D, (begin + places) * D)
    }
    for (const { b, m, event, place, time, score } of scores(s, arrays)) {
      const g = (b * s.yRow + s.yColumn) * 4 + m * D
      let gain = 0
      for (let d = 0; d < D; d++) gain += dy[g + d]! * x[event * D + d]!
      const slope = s.scale * gain * siluSlopeReference(score)
      const own = b * s.M * (D + s.biasRow)
      for (const bias of [place, time]) partial[own + s.M * D + bias]! += slope
      for (let d = 0; d < D; d++) {
        dx[event * D + d]! += s.scale * siluReference(score) * dy[g + d]! + (slope * queries[m * D + d]!) / Math.sqrt(D)
        partial[own + m * D + d]! += (slope * x[event * D + d]!) / Math.sqrt(D)
      }
    }
  },
  cost: ({ B, L, M, D4, biasRow }) => ({
    flops: B * L * M * D4 * 48,
    bytes: 4 * B * (L * (D4 * 8 + 1) + M * (D4 * 8 + biasRow) + 2),
  }),
  tolerance: ({ L }) => ({ absolute: 2e-5 + 2e-6 * L, relative: 3e-5 }),
  gradient: {
    forward: pointwisePoolForward,
    from: { y: 'dy' },
    to: {
      x: 'dx',
      queries: (s, { partial }) => sharesOf(s, partial, 0, s.D4 * 4),
      biases: (s, { partial }) => sharesOf(s, partial, s.D4 * 4, s.biasRow),
    },
  },
}

/** The rows' sum of what `partial` has for each query: `each` numbers behind `before` of every query. */
function sharesOf({ M, D4, biasRow }: PointwisePoolShape, partial: ArrayLike<number>, before: number, each: number) {
  const row = M * (D4 * 4 + biasRow)
  const sums = new Float64Array(M * each)
  for (let i = 0; i < partial.length; i++) {
    const place = (i % row) - M * before
    if (place >= 0 && place < sums.length) sums[place]! += partial[i]!
  }
  return sums
}
