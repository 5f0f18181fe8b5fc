/**
 * What the WGSL of both attention pooling kernels has in common. The lanes of a row have an event each, so that scores
 * need no exchange; what a lane has summed up over its events is brought together once a row.
 * - 'subgroup': 8 lanes, and a workgroup has `rows` rows after each other, for which it loads the parameters once;
 * - 'workgroup': 64 lanes that meet in workgroup memory.
 * Tokens are linear in the channels, so of the first four channels only their products with the query and their weighted
 * sums are needed; further ones are mixed into every token. Registers hold `quads` vec4 of a token, a chunk; wider tokens
 * have more chunks, each with workgroups of its own, and the columns outside the chunk are read where a product needs them.
 */
import { linearGroups } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { type RowTuning, reduceWgsl, rowLanes, rowMainWgsl } from '../wgsl/row-lanes.ts'

export interface PoolTuning extends RowTuning {
  readonly quads: number
  readonly rows: number
  /** Of tokens that one chunk holds, without the code for columns outside of it. */
  readonly isWhole?: true
  /** Of events of four channels or fewer, without the code for further ones. */
  readonly hasFew?: true
}

type Shape = { readonly [name: string]: number }
const isWhole = ({ D4 }: Shape) => D4! <= 4
const hasFew = (shape: Shape) => isWhole(shape) && shape.C! <= 4

/** Of tokens of D4 vec4 and C channels. */
export const poolBucket = (shape: Shape) =>
  hasFew(shape) ? 'width ≤ 16, channels ≤ 4' : isWhole(shape) ? 'width ≤ 16' : 'width > 16'

const ofLanes = { kind: 'subgroup', rows: 4, minSubgroupSize: 8 } as const

export const poolTunings: readonly PoolTuning[] = [
  { name: 'workgroup-32', kind: 'workgroup', quads: 8, rows: 1 },
  { name: 'subgroup-16', ...ofLanes, quads: 4, isWhole: true, fits: isWhole },
  { name: 'subgroup-16-few-channels', ...ofLanes, quads: 4, isWhole: true, hasFew: true, fits: hasFew },
  { name: 'subgroup-32', ...ofLanes, quads: 8 },
]

export const poolGroups = ({ R, D4 }: { R: number; D4: number }, { rows, quads }: PoolTuning) =>
  linearGroups(Math.ceil(R / rows) * Math.ceil(D4 / quads))

/** Declares every lane's `NAME_c`, the chunk of a vector that all lanes share, of which lane c has `own` = quad c. */
export const spread = ({ kind, quads }: PoolTuning, name: string, own: string, at: string): string =>
  range(quads)
    .map((c) =>
      kind === 'subgroup'
        ? `let ${name}_${c} = subgroupBroadcast(${own}, ${c}u);`
        : `let ${name}_${c} = select(vec4f(), ${at.replaceAll('$', `min(first + ${c}u, u.D4 - 1u)`)}, first + ${c}u < u.D4);`,
    )
    .join('\n  ')

/**
 * Sums vec4 expressions over all lanes: of those of the chunk lane c gets the c-th as `NAME_own`, of the others all lanes
 * get all as `NAME_0`, ….
 */
export function sumQuads(
  { kind }: PoolTuning,
  name: string,
  chunk: readonly string[],
  others: readonly string[],
): string {
  if (kind === 'subgroup') {
    const own = chunk.map((value, c) => `${name}_own = select(${name}_own, subgroupAdd(${value}), lane == ${c}u);`)
    const rest = others.map((value, i) => `let ${name}_${i} = subgroupAdd(${value});`)
    return [`var ${name}_own = vec4f();`, ...own, ...rest].join('\n    ')
  }
  // 16 lanes for up to 16 values, each over a quarter of the lanes; then the four quarters.
  const whole = (i: string) =>
    `(shared_sums[${i}] + shared_sums[${i} + 16u]) + (shared_sums[${i} + 32u] + shared_sums[${i} + 48u])`
  const values = [...chunk, ...others]
  return /* wgsl */ `
    ${values.map((value, i) => `shared_quads[${i * 64}u + lane] = ${value};`).join('\n    ')}
    workgroupBarrier();
    {
      var sum = vec4f();
      let at = min(lane % 16u, ${values.length - 1}u) * 64u + lane / 16u * 16u;
      for (var i = 0u; i < 16u; i++) { sum += shared_quads[at + i]; }
      shared_sums[lane] = sum;
    }
    workgroupBarrier();
    let ${name}_own = ${whole('(lane % 16u)')};
    ${others.map((_, i) => `let ${name}_${i} = ${whole(`${chunk.length + i}u`)};`).join('\n    ')}`
}

/**
 * `main`, with `body` for each row: `row`, `length`, `first` quad and `outside` quads of the chunk; the chunk of the
 * query in `q_c`, of this lane in `q_own` as in `mix_i` that of the first four channels, zero outside of the token;
 * `along` has query · mix_i.
 */
export function poolWgsl(tuning: PoolTuning, body: string): string {
  const { kind, quads, rows } = tuning
  const lanes = rowLanes(tuning)
  return /* wgsl */ `
${reduceWgsl(tuning)}
${kind === 'workgroup' ? `var<workgroup> shared_quads: array<vec4f, ${64 * (quads + 2)}>;\nvar<workgroup> shared_sums: array<vec4f, 64>;` : ''}
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, ${quads}u, n >= first); }
fn channel(event: u32, c: u32) -> f32 { return select(0.0, channels[event * u.C + c], c < u.C); }
fn parameter(row: u32, d: u32) -> vec4f { return parameters[u.pOffset + row * u.D4 + d]; }
/** A quad of a token, without its first four channels. */
fn token(event: u32, id: u32, d: u32) -> vec4f {
  var x = table[id * u.D4 + d];
  for (var c = 4u; c < u.C; c++) { x += channels[event * u.C + c] * parameter(c, d); }
  return x;
}
${rowMainWgsl(tuning)}
  let chunks = ${tuning.isWhole ? '1u' : `(u.D4 + ${quads - 1}u) / ${quads}u`};
  let firstRow = group / chunks * ${rows}u;
  if (firstRow >= u.R) { return; }
  let first = group % chunks * ${quads}u;
  ${unlessWhole(tuning, `let outside = u.D4 - min(${quads}u, u.D4 - first);`)}
  let isOwn = lane < ${quads}u && first + lane < u.D4;
  let ownQuad = min(first + lane, u.D4 - 1u);
  let q_own = select(vec4f(), parameter(u.C, ownQuad), isOwn);
  ${range(4)
    .map((i) => `let mix_${i} = select(vec4f(), parameter(min(${i}u, u.C), ownQuad), isOwn && ${i}u < u.C);`)
    .join('\n  ')}
  ${spread(tuning, 'q', 'q_own', 'parameter(u.C, $)')}
  var along = ${products('q_own')};
  ${unlessWhole(
    tuning,
    `for (var n = lane; n < outside; n += ${lanes}u) {
    let d = column(n, first);
    along += ${outsideProducts('parameter(u.C, d)')};
  }`,
  )}
  along = reduceSum4(along, lane);
  let root = inverseSqrt(f32(u.D4 * 4u));
  for (var row = firstRow; row < min(firstRow + ${rows}u, u.R); row++) {
    let length = min(lengths[row], u.L);
    ${body}
  }
}`
}

/** WGSL for the columns outside of a chunk. */
export const unlessWhole = ({ isWhole }: PoolTuning, wgsl: string): string => (isWhole ? '' : wgsl)

/** WGSL for channels behind the fourth. */
export const unlessFew = ({ hasFew }: PoolTuning, wgsl: string): string => (hasFew ? '' : wgsl)

/** The vec4 of products of this lane's quad with the first four channels' mix. */
export const products = (own: string): string =>
  `vec4f(${range(4)
    .map((i) => `dot(${own}, mix_${i})`)
    .join(', ')})`

/** The same for quad `d` outside of the chunk. */
export const outsideProducts = (value: string): string =>
  `vec4f(${range(4)
    .map((i) => `select(0.0, dot(${value}, parameter(min(${i}u, u.C), d)), ${i}u < u.C)`)
    .join(', ')})`

/**
 * The loop over this lane's events of a row around `body`: `event`, `counts` (false where the row has no further event for
 * this lane, which then sees its last one again), the chunk of the token in `t_c`, `shares` with its first four channels
 * and `score`. `declarations` stand before, and `outsideBody` may use quad `d` of the token as `x`.
 */
export function eventLoop(tuning: PoolTuning, declarations: string, outsideBody: string, body: string): string {
  const quads = range(tuning.quads)
  return /* wgsl */ `
    for (var l = lane; l < length + lane; l += ${rowLanes(tuning)}u) {
      let counts = l < length;
      let event = row * u.L + min(l, length - 1u);
      let id = ids[event];
      ${quads.map((c) => `var t_${c} = select(vec4f(), table[id * u.D4 + min(first + ${c}u, u.D4 - 1u)], first + ${c}u < u.D4);`).join('\n      ')}
      ${unlessFew(
        tuning,
        `for (var c = 4u; c < u.C; c++) {
        let share = channels[event * u.C + c];
        ${quads.map((c) => `t_${c} += select(vec4f(), share * parameter(c, min(first + ${c}u, u.D4 - 1u)), first + ${c}u < u.D4);`).join('\n        ')}
      }`,
      )}
      let shares = vec4f(${range(4)
        .map((i) => `channel(event, ${i}u)`)
        .join(', ')});
      ${declarations}
      var score = dot(shares, along) + sum4(${quads.map((c) => `q_${c} * t_${c}`).join(' + ')});
      ${unlessWhole(
        tuning,
        `for (var n = 0u; n < outside; n++) {
        let d = column(n, first);
        let x = token(event, id, d);
        score += dot(parameter(u.C, d), x);
        ${outsideBody}
      }`,
      )}
      score *= root;
      ${body}
    }`
}
