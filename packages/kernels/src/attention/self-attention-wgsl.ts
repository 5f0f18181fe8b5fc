/**
 * What the WGSL of the three self-attention kernels has in common. An invocation owns rows (queries, or keys in the last
 * backward kernel) whose columns it keeps in registers, and walks over the partner rows one at a time:
 * - 'subgroup': eight lanes load eight columns of a partner row at a time and share them by broadcast;
 * - 'workgroup': 64 invocations load a tile of partner rows into workgroup memory.
 * Registers hold `width` columns, a chunk; a head of more columns has more chunks, each with workgroups of its own, and
 * the products over the columns outside the chunk read memory directly. So every tuning is right for every head, and
 * fast where the head fits.
 */
import { range } from '../wgsl/range.ts'
import { type RowTuning, rowLanes, rowMainWgsl } from '../wgsl/row-lanes.ts'

export interface SelfAttentionTuning extends RowTuning {
  /** Columns of a head in registers, a multiple of 8. */
  readonly width: number
  /** Rows that an invocation owns. */
  readonly rows: number
}

/** Rows that a workgroup owns. */
export const blockOf = (tuning: SelfAttentionTuning): number => rowLanes(tuning) * tuning.rows

export const selfAttentionTunings: readonly SelfAttentionTuning[] = [
  { name: 'workgroup-32', kind: 'workgroup', width: 32, rows: 1 },
  { name: 'subgroup-16x4', kind: 'subgroup', width: 16, rows: 4, minSubgroupSize: 8 },
  { name: 'subgroup-32x2', kind: 'subgroup', width: 32, rows: 2, minSubgroupSize: 8 },
  { name: 'subgroup-64x1', kind: 'subgroup', width: 64, rows: 1, minSubgroupSize: 8 },
]

/** A matrix: queries, keys, values, or the gradient of y. */
type Side = 'q' | 'k' | 'v' | 'g'

/** The float at a column of partner row j. */
const partnerAt = (side: Side, column: string, j = 'j'): string =>
  side === 'g' ? `dy[gAt + ${j} * u.yRow + ${column}]` : `qkv[${side}At + ${j} * u.row + ${column}]`

const quad = (value: (i: number) => string): string => range(4).map(value).join(', ')

/** Names of the vec4 variables that hold a row's chunk. */
export const parts = (name: string, width: number): string[] => range(width / 4).map((c) => `${name}_${c}`)

/** Declares a row's sums. */
export const zeros = (name: string, width: number): string =>
  parts(name, width)
    .map((part) => `var ${part} = vec4f();`)
    .join(' ')

/** Σ over the chunk of two rows in registers. */
export const product = (a: string, b: string, width: number): string =>
  `sum4(${range(width / 4)
    .map((c) => `${a}_${c} * ${b}_${c}`)
    .join(' + ')})`

/** Declares the chunk of an owned row, zero outside of the head. */
export function loadOwn(name: string, buffer: string, at: string, width: number): string {
  const value = (d: number) => `select(0.0, ${buffer}[${at} + min(first + ${d}u, u.D - 1u)], first + ${d}u < u.D)`
  return parts(name, width)
    .map((part, c) => `let ${part} = vec4f(${quad((i) => value(c * 4 + i))});`)
    .join('\n  ')
}

/** Stores a chunk; `value` gives the vec4 expression of each part. */
export function storeOwn(buffer: string, at: string, width: number, value: (part: number) => string): string {
  const store = (d: number) => `if (first + ${d}u < u.D) { ${buffer}[${at} + first + ${d}u] = value[${d % 4}]; }`
  return range(width / 4)
    .map(
      (c) =>
        `{ let value = ${value(c)}; ${range(4)
          .map((i) => store(c * 4 + i))
          .join(' ')} }`,
    )
    .join('\n    ')
}

/** Sums `NAMEr` over the columns outside of the chunk: products of row r of one side with the partner row of another. */
export function outsideSums(rows: readonly number[], sums: { readonly [name: string]: readonly [Side, Side] }): string {
  const each = (line: (name: string, own: Side, partner: Side) => string) =>
    Object.entries(sums).map(([name, [own, partner]]) => line(name, own, partner))
  const own = (r: number) =>
    each((name, own) => `${name}${r} += ${name} * ${own === 'g' ? 'dy' : 'qkv'}[${own}At${r} + d];`)
  return /* wgsl */ `
    ${rows.flatMap((r) => each((name) => `var ${name}${r} = 0.0;`)).join(' ')}
    for (var n = 0u; n < outside; n++) {
      let d = column(n, first);
      ${each((name, _, partner) => `let ${name} = ${partnerAt(partner, 'd')};`).join(' ')}
      ${rows.flatMap(own).join('\n      ')}
    }`
}

/** Where the places of sequence `b` lie: the first, how many are real, and before which results are stored, as WGSL. */
export interface Places {
  readonly first: string
  readonly length: string
  readonly stored: string
}

/** L places for each sequence. */
const sideBySide: Places = { first: 'b * u.L', length: 'min(lengths[b], u.L)', stored: 'u.L' }

/** What one of the kernels does. All of it may use `kAt` and so on, where the sequence's and head's matrices begin. */
interface Walk {
  readonly places?: Places
  /** vec4 in a tile of partner rows of the workgroup kind: fewer leave workgroup memory for other things. */
  readonly tile?: number
  /** Module-scope WGSL, and statements behind the loop. */
  readonly declarations?: string
  readonly after?: string
  /** Declarations for owned row r, whose number is `ownr`, or the last place where there is none, `placer`. */
  readonly own: (r: number) => string
  /** Before which partner rows, and from which on: uniform expressions. */
  readonly from: string
  readonly to: string
  /** Whose chunks the loop has as `NAME_0`, …. */
  readonly partners: readonly [Side, Side]
  /** Variables of the loop: of the partner row a float of the buffer NAMEs, which has one a sequence, head and place. */
  readonly scalars?: readonly string[]
  /** For partner row `j`. */
  readonly body: string
  /** Stores owned row r, which is `live` where the sequence has it. */
  readonly store: (r: number) => string
}

/** What a kernel that owns queries declares of row r, and the keys that it walks over. */
export const ownQuery = (r: number, width: number): string => /* wgsl */ `
  let last${r} = select(u.L, own${r}, u.causal == 1u);
  let qAt${r} = qAt + place${r} * u.row;
  ${loadOwn(`q${r}`, 'qkv', `qAt${r}`, width)}`

export const overKeys = {
  from: '0u',
  to: 'select(select(length, min(length, end), u.causal == 1u), 0u, start >= length)',
  partners: ['k', 'v'],
} as const

/**
 * All of a kernel: which sequence `b`, head `h`, block of rows from `start` to `end` and chunk of columns from `first` the
 * workgroup has. `outside` columns of the head lie outside the chunk; `column(n)` is the n-th of them.
 */
export function selfAttentionWgsl(tuning: SelfAttentionTuning, walk: Walk): string {
  const block = blockOf(tuning)
  const lanes = rowLanes(tuning)
  const { kind, width } = tuning
  const { places = sideBySide, tile = 256, declarations = '', after = '' } = walk
  const rows = range(tuning.rows)
  return /* wgsl */ `${declarations}
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, ${width}u, n >= first); }
${kind === 'workgroup' ? `var<workgroup> tile_a: array<vec4f, ${tile}>;\nvar<workgroup> tile_b: array<vec4f, ${tile}>;\nvar<workgroup> tile_scalars: array<vec2f, ${(tile * 4) / width}>;` : ''}
${rowMainWgsl(tuning)}
  let blocks = (u.L + ${block - 1}u) / ${block}u;
  let chunks = (u.D + ${width - 1}u) / ${width}u;
  if (group >= u.B * u.H * blocks * chunks) { return; }
  let first = (group % chunks) * ${width}u;
  let start = (group / chunks) % blocks * ${block}u;
  let end = start + ${block}u;
  let sequence = group / chunks / blocks;
  let h = sequence % u.H;
  let b = sequence / u.H;
  let place = ${places.first};
  let length = ${places.length};
  let outside = u.D - min(${width}u, u.D - first);
  let headAt = place * u.row + h * u.D;
  let qAt = u.qOffset + headAt;
  let kAt = u.kOffset + headAt;
  let vAt = u.vOffset + headAt;
  let gAt = u.yOffset + place * u.yRow + h * u.D;
  let scalarsAt = sequence * u.L;
  let scale = inverseSqrt(f32(u.D));
  ${rows
    .map((r) => `let own${r} = start + ${r * lanes}u + lane; let place${r} = min(own${r}, u.L - 1u);\n  ${walk.own(r)}`)
    .join('\n  ')}
  let begin = ${walk.from};
  let stop = ${walk.to};
  ${kind === 'subgroup' ? subgroupLoop(tuning, walk) : workgroupLoop(tuning, walk, tile)}
  ${after}
  ${rows.map((r) => `if (own${r} < ${places.stored}) {\n    let live = own${r} < length;\n    ${walk.store(r)}\n  }`).join('\n  ')}
}`
}

function subgroupLoop({ width }: SelfAttentionTuning, { partners, scalars = [], body }: Walk): string {
  const loads = range(width / 8)
  const shared = (name: string, c: number) =>
    quad((i) => `subgroupBroadcast(${name}_own${Math.floor(c / 2)}, ${(c % 2) * 4 + i}u)`)
  const fetch = partners.flatMap((name) => [
    ...loads.map((p) => `let ${name}_own${p} = select(0.0, ${partnerAt(name, `column${p}`)}, inside${p});`),
    ...parts(name, width).map((part, c) => `let ${part} = vec4f(${shared(name, c)});`),
  ])
  const declared = loads.map(
    (p) =>
      `let column${p} = min(first + ${p * 8}u + (lane & 7u), u.D - 1u); let inside${p} = first + ${p * 8}u + (lane & 7u) < u.D;`,
  )
  if (scalars.length === 0)
    return /* wgsl */ `
  ${declared.join('\n  ')}
  for (var j = begin; j < stop; j++) {
    ${fetch.join('\n    ')}
    ${body}
  }`
  // Eight partner rows share one load of a scalar.
  return /* wgsl */ `
  ${declared.join('\n  ')}
  for (var j8 = begin; j8 < stop; j8 += 8u) {
    ${scalars.map((name) => `let ${name}_own = ${name}s[scalarsAt + min(j8 + (lane & 7u), u.L - 1u)];`).join('\n    ')}
    for (var j = j8; j < min(j8 + 8u, stop); j++) {
      ${scalars.map((name) => `let ${name} = subgroupShuffle(${name}_own, j - j8);`).join('\n      ')}
      ${fetch.join('\n      ')}
      ${body}
    }
  }`
}

/** @param tileQuads vec4 of workgroup memory for each matrix */
function workgroupLoop(tuning: SelfAttentionTuning, { partners, scalars = [], body }: Walk, tileQuads: number): string {
  const { width } = tuning
  /** Partner rows in a tile. */
  const tile = (tileQuads * 4) / width
  const quads = width / 4
  const fill = partners.map((side, i) => {
    const value = (k: number) =>
      `select(0.0, ${partnerAt(side, `min(column + ${k}u, u.D - 1u)`, 'row')}, column + ${k}u < u.D)`
    return `tile_${'ab'[i]}[e] = vec4f(${quad(value)});`
  })
  const scalarsOf = scalars.map((name) => `${name}s[scalarsAt + min(t + lane, u.L - 1u)]`)
  return /* wgsl */ `
  for (var t = begin; t < stop; t += ${tile}u) {
    workgroupBarrier();
    for (var e = lane; e < ${tile * quads}u; e += ${rowLanes(tuning)}u) {
      let row = min(t + e / ${quads}u, u.L - 1u);
      let column = first + e % ${quads}u * 4u;
      ${fill.join('\n      ')}
    }
    ${scalars.length > 0 ? `if (lane < ${tile}u) { tile_scalars[lane] = vec2f(${scalarsOf.join(', ')}); }` : ''}
    workgroupBarrier();
    for (var j = t; j < min(t + ${tile}u, stop); j++) {
      ${scalars.map((name, i) => `let ${name} = tile_scalars[j - t][${i}];`).join('\n      ')}
      ${partners.flatMap((name, i) => parts(name, width).map((part, c) => `let ${part} = tile_${'ab'[i]}[(j - t) * ${quads}u + ${c}u];`)).join('\n      ')}
      ${body}
    }
  }`
}
