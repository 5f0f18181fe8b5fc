/**
 * What the WGSL of the three self-attention kernels has in common. An invocation owns rows (queries, or keys in the last
 * backward kernel) whose columns it keeps in registers, and walks over the partner rows one at a time:
 * - 'subgroup': eight lanes load eight columns of a partner row at a time and share them by broadcast;
 * - 'workgroup': 64 invocations load a tile of partner rows into workgroup memory.
 * Registers hold `width` columns, a chunk; a head of more columns has more chunks, each with workgroups of its own, and
 * the products over the columns outside the chunk read memory directly. So every tuning is right for every head, and
 * fast where the head fits.
 */
import { linearGroupWgsl } from '../wgsl/linear-grid.ts'
import { laneParameter, type RowTuning, rowLanes } from './reduce.ts'

export interface SelfAttentionTuning extends RowTuning {
  /** Columns of a head in registers, a multiple of 8. */
  readonly width: number
  /** Rows that an invocation owns. */
  readonly rows: number
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Rows that a workgroup owns. */
export const blockOf = (tuning: SelfAttentionTuning): number => rowLanes(tuning) * tuning.rows

export const selfAttentionTunings: readonly SelfAttentionTuning[] = [
  { name: 'workgroup-32', kind: 'workgroup', width: 32, rows: 1 },
  { name: 'subgroup-16x4', kind: 'subgroup', width: 16, rows: 4, minSubgroupSize: 8 },
  { name: 'subgroup-32x2', kind: 'subgroup', width: 32, rows: 2, minSubgroupSize: 8 },
  { name: 'subgroup-64x1', kind: 'subgroup', width: 64, rows: 1, minSubgroupSize: 8 },
]

/** A matrix whose rows the partner loop goes through: the expression of a row's first float, and where it lies. */
export interface Partner {
  readonly name: string
  readonly buffer: 'qkv' | 'dy'
  readonly base: string
  readonly stride: string
}

/** A float per partner row, to be had as a variable of that name: `buffer[base + row]`. */
export interface PartnerScalar {
  readonly name: string
  readonly base: string
}

/** Names of the vec4 variables that hold a row's chunk. */
export const parts = (name: string, width: number): string[] => range(width / 4).map((c) => `${name}_${c}`)

/** Σ over the chunk of two rows in registers. */
export const product = (a: string, b: string, width: number): string =>
  `sum4(${range(width / 4)
    .map((c) => `${a}_${c} * ${b}_${c}`)
    .join(' + ')})`

/** Declares the chunk of an owned row, zero outside of the head. */
export function loadOwn(name: string, buffer: string, at: string, width: number): string {
  return range(width / 4)
    .map((c) => {
      const lanes = range(4).map(
        (i) => `select(0.0, ${buffer}[${at} + min(first + ${c * 4 + i}u, u.D - 1u)], first + ${c * 4 + i}u < u.D)`,
      )
      return `let ${name}_${c} = vec4f(${lanes.join(', ')});`
    })
    .join('\n  ')
}

/** Stores a chunk; `value` gives the vec4 expression of each part. */
export function storeOwn(buffer: string, at: string, width: number, value: (part: number) => string): string {
  return range(width / 4)
    .map(
      (c) =>
        `{ let value = ${value(c)}; ${range(4)
          .map((i) => `if (first + ${c * 4 + i}u < u.D) { ${buffer}[${at} + first + ${c * 4 + i}u] = value[${i}]; }`)
          .join(' ')} }`,
    )
    .join('\n    ')
}

/**
 * Head of `main`: which sequence `b`, head `h`, block of rows from `start` and chunk of columns from `first` the workgroup
 * has. `outside` columns of the head lie outside the chunk; `column(n)` is the n-th of them.
 */
export function mainWgsl(tuning: SelfAttentionTuning, body: string): string {
  const block = blockOf(tuning)
  const { kind, width } = tuning
  const tile = tileRows(tuning)
  return /* wgsl */ `
${linearGroupWgsl}
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn column(n: u32, first: u32) -> u32 { return n + select(0u, ${width}u, n >= first); }
${kind === 'workgroup' ? `var<workgroup> tile_a: array<vec4f, ${(tile * width) / 4}>;\nvar<workgroup> tile_b: array<vec4f, ${(tile * width) / 4}>;\nvar<workgroup> tile_scalars: array<vec2f, ${tile}>;` : ''}
@compute @workgroup_size(${rowLanes(tuning)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, ${laneParameter(tuning)}) {
  let blocks = (u.L + ${block - 1}u) / ${block}u;
  let chunks = (u.D + ${width - 1}u) / ${width}u;
  let linear = linearGroup(group, groups);
  if (linear >= u.B * u.H * blocks * chunks) { return; }
  let first = (linear % chunks) * ${width}u;
  let start = (linear / chunks) % blocks * ${block}u;
  let sequence = linear / chunks / blocks;
  let h = sequence % u.H;
  let b = sequence / u.H;
  let length = min(lengths[b], u.L);
  let outside = u.D - min(${width}u, u.D - first);
  let headAt = b * u.L * u.row + h * u.D;
  let dyAt = u.yOffset + b * u.L * u.yRow + h * u.D;
  ${body}
}`
}

/** Partner rows in a tile: 4 KB of workgroup memory for each matrix. */
function tileRows({ width }: SelfAttentionTuning): number {
  return 1024 / width
}

/**
 * The loop over partner rows j from `from` to before `to` (uniform expressions), with the chunks of both partners as
 * `NAME_0`, … and the scalars as variables, around `body`.
 */
export function partnerLoop(
  tuning: SelfAttentionTuning,
  from: string,
  to: string,
  partners: readonly [Partner, Partner],
  scalars: readonly PartnerScalar[],
  body: string,
): string {
  return tuning.kind === 'subgroup'
    ? subgroupLoop(tuning, from, to, partners, scalars, body)
    : workgroupLoop(tuning, from, to, partners, scalars, body)
}

function subgroupLoop(
  { width }: SelfAttentionTuning,
  from: string,
  to: string,
  partners: readonly [Partner, Partner],
  scalars: readonly PartnerScalar[],
  body: string,
): string {
  const loads = range(width / 8)
  const fetch = partners.flatMap(({ name, buffer, base, stride }) => [
    ...loads.map(
      (p) => `let ${name}_own${p} = select(0.0, ${buffer}[${base} + j * ${stride} + column${p}], inside${p});`,
    ),
    ...parts(name, width).map(
      (part, c) =>
        `let ${part} = vec4f(${range(4)
          .map((i) => `subgroupBroadcast(${name}_own${Math.floor(c / 2)}, ${(c % 2) * 4 + i}u)`)
          .join(', ')});`,
    ),
  ])
  const declared = loads.map(
    (p) =>
      `let column${p} = min(first + ${p * 8}u + (lane & 7u), u.D - 1u); let inside${p} = first + ${p * 8}u + (lane & 7u) < u.D;`,
  )
  if (scalars.length === 0)
    return /* wgsl */ `
  ${declared.join('\n  ')}
  for (var j = ${from}; j < ${to}; j++) {
    ${fetch.join('\n    ')}
    ${body}
  }`
  // Eight partner rows share one load of a scalar.
  return /* wgsl */ `
  ${declared.join('\n  ')}
  for (var j8 = ${from}; j8 < ${to}; j8 += 8u) {
    ${scalars.map(({ name, base }) => `let ${name}_own = ${name}s[${base} + min(j8 + (lane & 7u), u.L - 1u)];`).join('\n    ')}
    for (var j = j8; j < min(j8 + 8u, ${to}); j++) {
      ${scalars.map(({ name }) => `let ${name} = subgroupShuffle(${name}_own, j - j8);`).join('\n      ')}
      ${fetch.join('\n      ')}
      ${body}
    }
  }`
}

function workgroupLoop(
  tuning: SelfAttentionTuning,
  from: string,
  to: string,
  partners: readonly [Partner, Partner],
  scalars: readonly PartnerScalar[],
  body: string,
): string {
  const { width } = tuning
  const tile = tileRows(tuning)
  const quads = width / 4
  const fill = partners.map(({ buffer, base, stride }, i) => {
    const lanes = range(4).map(
      (k) => `select(0.0, ${buffer}[at + min(column + ${k}u, u.D - 1u)], column + ${k}u < u.D)`,
    )
    return `{ let at = ${base} + row * ${stride}; tile_${'ab'[i]}[e] = vec4f(${lanes.join(', ')}); }`
  })
  return /* wgsl */ `
  for (var t = ${from}; t < ${to}; t += ${tile}u) {
    workgroupBarrier();
    for (var e = lane; e < ${tile * quads}u; e += ${rowLanes(tuning)}u) {
      let row = min(t + e / ${quads}u, u.L - 1u);
      let column = first + e % ${quads}u * 4u;
      ${fill.join('\n      ')}
    }
    ${scalars.length > 0 ? `if (lane < ${tile}u) { tile_scalars[lane] = vec2f(${scalars.map(({ name, base }) => `${name}s[${base} + min(t + lane, u.L - 1u)]`).join(', ')}); }` : ''}
    workgroupBarrier();
    for (var j = t; j < min(t + ${tile}u, ${to}); j++) {
      ${scalars.map(({ name }, i) => `let ${name} = tile_scalars[j - t][${i}];`).join('\n      ')}
      ${partners.flatMap(({ name }, i) => parts(name, width).map((part, c) => `let ${part} = tile_${'ab'[i]}[(j - t) * ${quads}u + ${c}u];`)).join('\n      ')}
      ${body}
    }
  }`
}
