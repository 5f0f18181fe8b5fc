/**
 * WGSL of `ridge.solve`, a row and head a workgroup. The intercept is eliminated first: what conjugate gradients multiply by is
 *   A' p = λ ⊙ p + Σ_l w (x·p − c) x,   c = Σ_l w x·p ÷ (Σ_l w + λ of the intercept),
 * of vectors x.
 * - 'workgroup': 64 lanes multiply by the events, tile by tile: first a lane has an event, then a column;
 * - 'subgroup': 8 lanes, each with a vec4 of columns, or two of vectors wider than 32, sum A' up once in registers. It is symmetric:
 *   of its 4 × 4 blocks a lane holds those of its columns and of the rows of itself and the four lanes behind it, and what is left
 *   comes from the lanes before it.
 */
import type { Tuning } from '@headwater/gpu'
import { exponentialWgsl } from '../wgsl/exponential.ts'
import { mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'
import { reduceWgsl } from '../wgsl/row-lanes.ts'

export interface RidgeTuning extends Tuning {
  readonly kind: 'workgroup' | 'subgroup'
}

/** Of the residual's square to that at the start. */
const smallest = '1e-13'
/** Exact arithmetic would need as many steps as there are columns. */
const steps = '4u * u.D4 * 4u + 16u'

const penaltyWgsl = /* wgsl */ `
${exponentialWgsl}
fn penalty(at: u32) -> vec4f {
  let value = ridge[at];
  return vec4f(exponential(value.x), exponential(value.y), exponential(value.z), exponential(value.w));
}`

const systemWgsl = /* wgsl */ `
  if (group >= u.R * u.H) { return; }
  let row = group / u.H;
  let head = group % u.H;
  let length = min(lengths[row], u.L);
  let begin = row * u.L;
  let own = head * (u.D4 + 1u);
  let at = group * (u.D4 + 1u);`

const components = range(4)

/** Blocks of A' that a lane holds: rows of the lanes `turns` behind it, and columns of its own, of quads 0 or 1 of each lane. */
interface Blocks {
  readonly name: string
  readonly rows: 0 | 1
  readonly columns: 0 | 1
  readonly turns: readonly number[]
  /** Of these nobody holds the transposed block. The fourth lane behind is the fourth before, too. */
  readonly mirrored: readonly number[]
}

const narrow: Blocks = { name: 'a', rows: 0, columns: 0, turns: range(5), mirrored: [1, 2, 3] }
const wide: readonly Blocks[] = [
  { name: 'd', rows: 1, columns: 1, turns: range(5), mirrored: [1, 2, 3] },
  { name: 'c', rows: 0, columns: 1, turns: range(8), mirrored: range(8) },
]

const turned = (value: string, turn: number) => (turn === 0 ? value : `subgroupShuffle(${value}, ahead_${turn})`)

/** Adds rows ⊗ columns of vectors that each lane has a quad or two of. */
const addOuter = ({ name, rows, columns, turns }: Blocks, row: string, column: string) =>
  turns
    .map((t) => {
      const sums = components.map((c) => `${name}_${t}_${c} += other[${c}] * ${column}${columns};`).join(' ')
      return `{ let other = ${turned(`${row}${rows}`, t)}; ${sums} }`
    })
    .join('\n      ')

/** `q += A' p` by what the blocks hold. */
const multiply = ({ name, rows, columns, turns, mirrored }: Blocks) =>
  [
    ...turns.map((t) => {
      const products = components.map((c) => `${name}_${t}_${c} * other[${c}]`).join(' + ')
      return `{ let other = ${turned(`p${rows}`, t)}; q${columns} += ${products}; }`
    }),
    ...mirrored.map((t) => {
      const mirror = `vec4f(${components.map((c) => `dot(${name}_${t}_${c}, p${columns})`).join(', ')})`
      return `q${rows} += ${t === 0 ? mirror : `subgroupShuffle(${mirror}, before_${t})`};`
    }),
  ].join('\n    ')

const declared = ({ name, turns }: Blocks) =>
  turns.map((t) => components.map((c) => `var ${name}_${t}_${c} = vec4f();`).join(' ')).join('\n  ')

export function subgroupRidgeWgsl(): string {
  const ofAll = (statement: (blocks: Blocks) => string) =>
    `${statement(narrow)}\n    if (isWide) {\n      ${wide.map(statement).join('\n      ')}\n    }`
  const diagonal = (name: string) => `vec4f(${components.map((c) => `${name}_0_${c}[${c}]`).join(', ')})`
  const penalize = (name: string, by: string) => components.map((c) => `${name}_0_${c}[${c}] += ${by}[${c}];`).join(' ')
  return /* wgsl */ `
${penaltyWgsl}
// Lanes leave the loop of steps together: what they compare is a sum over all of them.
@diagnostic(off, subgroup_uniformity)
${mainWgsl(8, 'lane', 'subgroup_invocation_id').trim()}
  ${systemWgsl}
  let isWide = u.D4 > 8u;
  ${range(7)
    .map((t) => `let ahead_${t + 1} = (lane + ${t + 1}u) % 8u; let before_${t + 1} = (lane + ${7 - t}u) % 8u;`)
    .join('\n  ')}
  let has0 = lane < u.D4;
  let has1 = lane + 8u < u.D4;
  let quad0 = min(lane, u.D4 - 1u);
  let quad1 = min(lane + 8u, u.D4 - 1u);
  ${[narrow, ...wide].map(declared).join('\n  ')}
  var v0 = vec4f(); var v1 = vec4f();
  var b0 = vec4f(); var b1 = vec4f();
  var total = 0.0;
  var right = 0.0;
  for (var first = 0u; first < length; first += 8u) {
    let count = min(8u, length - first);
    let mine = (begin + first + min(lane, count - 1u)) * 2u;
    let weights = signals[mine][head];
    let residuals = signals[mine + 1u][head];
    for (var i = 0u; i < count; i++) {
      let weight = subgroupShuffle(weights, i);
      let pull = weight * subgroupShuffle(residuals, i);
      let event = (begin + first + i) * u.D4;
      let x0 = select(vec4f(), vectors[event + quad0], has0);
      let weighted0 = weight * x0;
      v0 += weighted0; b0 += pull * x0;
      total += weight; right += pull;
      ${addOuter(narrow, 'weighted', 'x')}
      if (isWide) {
      let x1 = select(vec4f(), vectors[event + quad1], has1);
      let weighted1 = weight * x1;
      v1 += weighted1; b1 += pull * x1;
      ${wide.map((blocks) => addOuter(blocks, 'weighted', 'x')).join('\n      ')}
      }
    }
  }
  if (u.given == 1u) {
    right = rhs[at + u.D4].x;
    b0 = select(vec4f(), rhs[at + quad0], has0);
    b1 = select(vec4f(), rhs[at + quad1], has1);
  }
  let penalty0 = select(vec4f(1.0), penalty(own + quad0), has0);
  let penalty1 = select(vec4f(1.0), penalty(own + quad1), has1);
  ${penalize('a', 'penalty0')}
  ${penalize('d', 'penalty1')}
  total += penalty(own + u.D4).x;
  let share0 = v0 / -total; let share1 = v1 / -total;
  ${ofAll((blocks) => addOuter(blocks, 'share', 'v'))}
  b0 += share0 * right; b1 += share1 * right;
  let inverse0 = 1.0 / ${diagonal('a')};
  let inverse1 = 1.0 / ${diagonal('d')};
  var y0 = vec4f(); var y1 = vec4f();
  var p0 = inverse0 * b0; var p1 = inverse1 * b1;
  var left = subgroupAdd(dot(b0, p0) + dot(b1, p1));
  let enough = left * ${smallest};
  let most = select(${steps}, 0u, left == 0.0);
  for (var step = 0u; step < most; step++) {
    var q0 = vec4f(); var q1 = vec4f();
    ${ofAll(multiply)}
    let far = left / subgroupAdd(dot(p0, q0) + dot(p1, q1));
    y0 += far * p0; y1 += far * p1;
    b0 -= far * q0; b1 -= far * q1;
    let z0 = inverse0 * b0; let z1 = inverse1 * b1;
    let next = subgroupAdd(dot(b0, z0) + dot(b1, z1));
    if (next <= enough) { break; }
    let turn = next / left;
    p0 = z0 + turn * p0; p1 = z1 + turn * p1;
    left = next;
  }
  let intercept = (right - subgroupAdd(dot(v0, y0) + dot(v1, y1))) / total;
  let into = u.yOffset + at;
  if (has0) { y[into + lane] = y0; }
  if (has1) { y[into + lane + 8u] = y1; }
  if (lane == 0u) { y[into + u.D4] = vec4f(intercept, 0.0, 0.0, 0.0); }
}`
}

/** Events of a tile. */
const tile = 256

export function workgroupRidgeWgsl(): string {
  return /* wgsl */ `
${penaltyWgsl}
${reduceWgsl({ kind: 'workgroup' })}
var<workgroup> along: array<f32, ${tile}>;
var<workgroup> columns: array<f32, 64>;
var<workgroup> isDone: u32;
fn quadOf(q: u32) -> vec4f {
  return vec4f(columns[q * 4u], columns[q * 4u + 1u], columns[q * 4u + 2u], columns[q * 4u + 3u]);
}
${mainWgsl(64)}
  ${systemWgsl}
  let has = lane < u.D4 * 4u;
  let quad = min(lane / 4u, u.D4 - 1u);
  let part = lane % 4u;
  let weak = select(1.0, penalty(own + quad)[part], has);
  var diagonal = weak;
  var v = 0.0;
  var b = 0.0;
  var total = 0.0;
  var right = 0.0;
  for (var l = begin; l < begin + length; l++) {
    let weight = signals[l * 2u][head];
    let pull = weight * signals[l * 2u + 1u][head];
    let x = select(0.0, vectors[l * u.D4 + quad][part], has);
    v += weight * x;
    b += pull * x;
    diagonal += weight * x * x;
    total += weight;
    right += pull;
  }
  if (u.given == 1u) {
    right = rhs[at + u.D4].x;
    b = select(0.0, rhs[at + quad][part], has);
  }
  total += penalty(own + u.D4).x;
  b -= v * right / total;
  diagonal -= v * v / total;
  var coefficient = 0.0;
  var p = b / diagonal;
  var left = reduceSum(b * p, lane);
  let enough = left * ${smallest};
  if (lane == 0u) { isDone = select(0u, 1u, left == 0.0); }
  for (var step = 0u; step < ${steps}; step++) {
    if (workgroupUniformLoad(&isDone) == 1u) { break; }
    columns[lane] = p;
    let center = reduceSum(v * p, lane) / total;
    var q = weak * p;
    for (var first = begin; first < begin + length; first += ${tile}u) {
      let count = min(${tile}u, begin + length - first);
      for (var i = lane; i < count; i += 64u) {
        var score = -center;
        for (var k = 0u; k < u.D4; k++) { score += dot(vectors[(first + i) * u.D4 + k], quadOf(k)); }
        along[i] = signals[(first + i) * 2u][head] * score;
      }
      workgroupBarrier();
      for (var i = 0u; i < count; i++) { q += along[i] * select(0.0, vectors[(first + i) * u.D4 + quad][part], has); }
      workgroupBarrier();
    }
    let far = left / reduceSum(p * q, lane);
    coefficient += far * p;
    b -= far * q;
    let z = b / diagonal;
    let next = reduceSum(b * z, lane);
    if (lane == 0u && next <= enough) { isDone = 1u; }
    p = z + next / left * p;
    left = next;
  }
  let intercept = (right - reduceSum(v * coefficient, lane)) / total;
  columns[lane] = coefficient;
  workgroupBarrier();
  let into = u.yOffset + at;
  if (lane < u.D4) { y[into + lane] = quadOf(lane); }
  if (lane == 0u) { y[into + u.D4] = vec4f(intercept, 0.0, 0.0, 0.0); }
}`
}
