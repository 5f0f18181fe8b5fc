/**
 * WGSL of the norms. A team of lanes takes one vector after another: vec4 number i of it is lane i mod LANES's, and the
 * first `chunks` of each lane's stay in registers between the passes; what lies beyond is read again. Teams of a workgroup
 * take vectors that lie side by side.
 */
import type { Shape, Tuning } from '@headwater/gpu'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { range } from '../wgsl/range.ts'

export interface NormTuning extends Tuning {
  /** Lanes of a team: one, or a power of two that are part of a subgroup, which has the whole workgroup. */
  readonly lanes: number
  /** vec4 that a lane keeps in registers. */
  readonly chunks: number
  /** Vectors that a team takes. */
  readonly vectors: number
  /** Of vectors that stay in registers whole, without the code for what lies beyond. */
  readonly isWhole?: true
}

const workgroup = 8

/** vec4 of a vector. */
const [narrow, middle] = [4, 24]
const upTo = (widest: number) => ({ isWhole: true as const, fits: ({ D4 }: Shape) => D4! <= widest })

export const normTunings: readonly NormTuning[] = [
  { name: 'lane-per-vector', lanes: 1, chunks: 0, vectors: 4 },
  { name: 'subgroup-8-lanes', lanes: 8, chunks: 3, vectors: 32, minSubgroupSize: workgroup },
  { name: 'whole-subgroup-8-lanes', lanes: 8, chunks: 3, vectors: 32, minSubgroupSize: workgroup, ...upTo(middle) },
  { name: 'whole-subgroup-2x4-lanes', lanes: 4, chunks: 1, vectors: 32, minSubgroupSize: workgroup, ...upTo(narrow) },
]

/** Of vectors of D4 vec4, those that few lanes take, those that stay in the registers of a subgroup, and others. */
export const normBucket = ({ D4 }: { D4: number }) => (D4 <= narrow ? 'narrow' : D4 <= middle ? 'middle' : 'wide')

const teamsOf = ({ lanes }: NormTuning) => workgroup / lanes

export const normGrid = ({ V }: { V: number }, t: NormTuning) => linearGroups(Math.ceil(V / (t.vectors * teamsOf(t))))

/**
 * `total(value, lane)`: the sum over the lanes of a team, known to all of them. In software adapters shuffles are quicker
 * than subgroupAdd. Lanes stay among those of their team, whatever the subgroup's size; they are numbered as the subgroup
 * has them, which need not be the workgroup's order.
 */
function totalWgsl(lanes: number): string {
  if (lanes === 1) return 'fn total(value: f32, lane: u32) -> f32 { return value; }'
  const steps = range(Math.log2(lanes)).map((i) => `sum += subgroupShuffleXor(sum, ${2 ** i}u);`)
  return `fn total(value: f32, lane: u32) -> f32 { var sum = value; ${steps.join(' ')} return sum; }`
}

/** Statements for vec4 `i` of a vector, given the names of the values loaded from it. */
type Pass = (names: readonly string[]) => string

/**
 * `main`: walks over the team's vectors. `before` runs once, `body` for each vector `v` at vec4 `xAt` and `yAt`. All teams of
 * a workgroup go through as many rounds, so that a subgroup stays together; one that has no vector in the last round does
 * the last vector once more, and must not write where `isOwn` is false.
 */
function teamWgsl(t: NormTuning, before: string, body: string): string {
  const teams = teamsOf(t)
  return /* wgsl */ `
${totalWgsl(t.lanes)}
${mainWgsl(workgroup, 'local', t.lanes === 1 ? 'local_invocation_index' : 'subgroup_invocation_id')}
  let lane = local % ${t.lanes}u;
  let count = f32(u.D4 * 4u);
  let first = group * ${t.vectors * teams}u;
  let end = min(u.V, first + ${t.vectors * teams}u);
  var own = first + local / ${t.lanes}u;
  ${before}
  for (var base = first; base < end; base += ${teams}u) {
    let v = min(own, u.V - 1u);
    let isOwn = own < u.V;
    let row = v / u.K;
    let place = v - row * u.K;
    let xAt = u.xOffset + row * u.xRow + place * u.D4;
    let yAt = u.yOffset + row * u.yRow + place * u.D4;
    ${body}
    own += ${teams}u;
  }
}`
}

/** Loads chunk c of a lane into `name`c, zero behind the vector's end. */
function loads(t: NormTuning, name: string, from: string): string {
  return range(t.chunks)
    .map(
      (c) =>
        `var ${name}${c} = vec4f(); if (lane + ${c * t.lanes}u < u.D4) { ${name}${c} = ${from.replaceAll('#', `(lane + ${c * t.lanes}u)`)}; }`,
    )
    .join('\n    ')
}

/** Runs `pass` over a vector; `from` says how each name is loaded from vec4 `#`. */
function walk(t: NormTuning, from: { readonly [name: string]: string }, pass: Pass): string {
  const names = Object.keys(from)
  const { lanes } = t
  const kept = range(t.chunks).map(
    (c) =>
      `if (lane + ${c * lanes}u < u.D4) { let i = lane + ${c * lanes}u; ${pass(names.map((name) => `${name}${c}`))} }`,
  )
  if (t.isWhole) return kept.join('\n    ')
  const again = names.map((name) => `let ${name} = ${from[name]!.replaceAll('#', 'i')};`).join(' ')
  return [
    ...kept,
    `for (var i = lane + ${t.chunks * lanes}u; i < u.D4; i += ${lanes}u) { ${again} ${pass(names)} }`,
  ].join('\n    ')
}

const gainWgsl = /* wgsl */ `
fn gainOf(i: u32) -> vec4f {
  if (u.hasGain == 1u) { return gain[u.gainOffset + i]; }
  return vec4f(1.0);
}`
const shiftWgsl = /* wgsl */ `
fn shiftOf(i: u32) -> vec4f {
  if (u.hasShift == 1u) { return shift[u.shiftOffset + i]; }
  return vec4f();
}`

/** y = (x − mean) · rstd · gain + shift; without `centered` the mean counts as 0. */
export function forwardWgsl(t: NormTuning, centered: boolean): string {
  const x = { x: 'x[xAt + #]' }
  const mean = centered
    ? `var sum = vec4f();
    ${walk(t, x, ([x]) => `sum += ${x};`)}
    let mean = total(dot(sum, vec4f(1.0)), lane) / count;`
    : 'let mean = 0.0;'
  return (
    gainWgsl +
    shiftWgsl +
    teamWgsl(
      t,
      `${loads(t, 'g', 'gainOf(#)')}
    ${loads(t, 's', 'shiftOf(#)')}`,
      `${loads(t, 'x', x.x)}
    ${mean}
    var squares = vec4f();
    ${walk(t, x, ([x]) => `let e = ${x} - mean; squares += e * e;`)}
    let rstd = inverseSqrt(total(dot(squares, vec4f(1.0)), lane) / count + u.epsilon);
    ${walk(t, { ...x, g: 'gainOf(#)', s: 'shiftOf(#)' }, ([x, g, s]) => `if (isOwn) { y[yAt + i] = (${x} - mean) * rstd * ${g} + ${s}; }`)}
    if (lane == 0u && isOwn) { moments[v * 2u] = mean; moments[v * 2u + 1u] = rstd; }`,
    )
  )
}

/** dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)), g = dy · gain, x̂ = (x − mean) · rstd; mean(g) only where `centered`. */
export function backwardWgsl(t: NormTuning, centered: boolean): string {
  const pair = { x: 'x[xAt + #]', d: 'dy[yAt + #]', g: 'gainOf(#)' }
  return (
    gainWgsl +
    teamWgsl(
      t,
      loads(t, 'g', 'gainOf(#)'),
      `let mean = moments[v * 2u];
    let rstd = moments[v * 2u + 1u];
    ${loads(t, 'x', `(${pair.x} - mean) * rstd`)}
    ${loads(t, 'd', pair.d)}
    var sum = vec4f();
    var along = vec4f();
    ${walk(t, { ...pair, x: `(${pair.x} - mean) * rstd` }, ([x, d, g]) => `let e = ${d} * ${g}; ${centered ? 'sum += e; ' : ''}along += e * ${x};`)}
    let level = ${centered ? 'total(dot(sum, vec4f(1.0)), lane) / count' : '0.0'};
    let slope = total(dot(along, vec4f(1.0)), lane) / count;
    ${walk(t, { ...pair, x: `(${pair.x} - mean) * rstd` }, ([x, d, g]) => `if (isOwn) { dx[xAt + i] = rstd * (${d} * ${g} - level - ${x} * slope); }`)}`,
    )
  )
}
