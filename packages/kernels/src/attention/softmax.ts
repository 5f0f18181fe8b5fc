/**
 * Softmax over the first `length` columns of each row: y = exp(scale · x − top) / Σ exp(scale · x − top), with top the
 * row's maximum; the other columns, and rows of length 0, get zeros. K neighbouring rows share a length; where `masked` is
 * 0 the lengths are not read and every row has N columns. Offsets and strides count vec4; columns from N to the next
 * multiple of 4 are written as zeros.
 * Shape letters: R rows, N columns, K rows per length.
 */
import type { Kernel, UniformType } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'
import { linearGroups, linearGroupWgsl } from '../wgsl/linear-grid.ts'
import { exampleLengths } from './example-lengths.ts'
import { laneParameter, type RowTuning, reduceWgsl, rowLanes, subgroupNeeds } from './reduce.ts'
import { rowsOnly } from './rows-only.ts'

export type SoftmaxShape = {
  R: number
  N: number
  K: number
  xOffset: number
  xRow: number
  yOffset: number
  yRow: number
  scale: number
  masked: 0 | 1
}

export interface SoftmaxTuning extends RowTuning {
  /** vec4 that a lane keeps in registers; a longer row is read twice. */
  readonly registers: number
}

const uniforms = {
  R: 'size',
  N: 'size',
  K: 'size',
  xOffset: 'u32',
  xRow: 'u32',
  yOffset: 'u32',
  yRow: 'u32',
  scale: 'f32',
  masked: 'u32',
} as const satisfies { [K in keyof SoftmaxShape]: UniformType }

const tunings: readonly SoftmaxTuning[] = [
  { name: 'workgroup-512', kind: 'workgroup', registers: 2 },
  { name: 'subgroup-64', kind: 'subgroup', registers: 2, needs: subgroupNeeds },
]

/** A row a workgroup. `seen(quad)` marks the columns of a vec4 that lie within the length. */
const rowWgsl = (tuning: SoftmaxTuning, body: string): string => /* wgsl */ `
${linearGroupWgsl}
${reduceWgsl(tuning)}
fn seen(quad: u32, length: u32) -> vec4<bool> { return quad * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(length); }
fn sum4(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
@compute @workgroup_size(${rowLanes(tuning)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, ${laneParameter(tuning)}) {
  let row = linearGroup(group, groups);
  if (row >= u.R) { return; }
  var length = u.N;
  if (u.masked == 1u) { length = min(length, lengths[row / u.K]); }
  let quads = (u.N + 3u) / 4u;
  let chunks = (quads + ${rowLanes(tuning) * tuning.registers - 1}u) / ${rowLanes(tuning) * tuning.registers}u;
  let xAt = u.xOffset + row * u.xRow;
  let yAt = u.yOffset + row * u.yRow;
  ${body}
}`

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** The vec4 of a row that register `t` of this lane holds in a chunk. */
const quad = (tuning: SoftmaxTuning, t: number): string =>
  `chunk * ${rowLanes(tuning) * tuning.registers}u + ${t * rowLanes(tuning)}u + lane`

/** Every lane has a maximum and a sum of its own columns; they are brought together once a row. */
function forwardWgsl(tuning: SoftmaxTuning): string {
  const registers = range(tuning.registers)
  const load = (t: number) => `x[xAt + min(${quad(tuning, t)}, quads - 1u)] * u.scale`
  return rowWgsl(
    tuning,
    /* wgsl */ `
  ${registers.map((t) => `var v${t} = vec4f();`).join(' ')}
  var top = -3.4e38;
  var total = 0.0;
  for (var chunk = 0u; chunk < chunks; chunk++) {
    var largest = vec4f(top);
    ${registers.map((t) => `v${t} = ${load(t)}; largest = select(largest, v${t}, seen(${quad(tuning, t)}, length) & (v${t} > largest));`).join('\n    ')}
    let next = max(max(largest.x, largest.y), max(largest.z, largest.w));
    var sum = vec4f();
    ${registers.map((t) => `v${t} = select(vec4f(), exp(v${t} - next), seen(${quad(tuning, t)}, length)); sum += v${t};`).join('\n    ')}
    total = total * exp(top - next) + sum4(sum);
    top = next;
  }
  let rowTop = reduceMax(top, lane);
  let share = exp(top - rowTop);
  let factor = share / reduceSum(total * share, lane);
  for (var chunk = 0u; chunk < chunks; chunk++) {
    if (chunks > 1u) {
      ${registers.map((t) => `v${t} = exp(${load(t)} - top);`).join('\n      ')}
    }
    ${registers
      .map(
        (t) =>
          `if (${quad(tuning, t)} < quads) { y[yAt + ${quad(tuning, t)}] = select(vec4f(), v${t} * factor, seen(${quad(tuning, t)}, length)); }`,
      )
      .join('\n    ')}
  }`,
  )
}

function backwardWgsl(tuning: SoftmaxTuning): string {
  const registers = range(tuning.registers)
  const load = (t: number) => {
    const at = `yAt + min(${quad(tuning, t)}, quads - 1u)`
    return `p${t} = y[${at}]; g${t} = dy[${at}];`
  }
  return rowWgsl(
    tuning,
    /* wgsl */ `
  ${registers.map((t) => `var p${t} = vec4f(); var g${t} = vec4f();`).join(' ')}
  var along = vec4f();
  for (var chunk = 0u; chunk < chunks; chunk++) {
    ${registers.map((t) => `${load(t)} along += select(vec4f(), p${t} * g${t}, seen(${quad(tuning, t)}, length));`).join('\n    ')}
  }
  let mean = reduceSum(sum4(along), lane);
  for (var chunk = 0u; chunk < chunks; chunk++) {
    if (chunks > 1u) {
      ${registers.map(load).join('\n      ')}
    }
    ${registers
      .map(
        (t) =>
          `if (${quad(tuning, t)} < quads) { dx[xAt + ${quad(tuning, t)}] = select(vec4f(), u.scale * p${t} * (g${t} - mean), seen(${quad(tuning, t)}, length)); }`,
      )
      .join('\n    ')}
  }`,
  )
}

const dense = (R: number, N: number, extra: Partial<SoftmaxShape> = {}): SoftmaxShape => {
  const quads = Math.ceil(N / 4)
  return { R, N, K: 1, xOffset: 0, xRow: quads, yOffset: 0, yRow: quads, scale: 1, masked: 1, ...extra }
}

const cases: readonly SoftmaxShape[] = [
  dense(1, 1),
  dense(7, 31, { K: 3, xOffset: 2, xRow: 9, yOffset: 1, yRow: 11, scale: 0.7 }),
  dense(9, 64),
  dense(5, 65, { masked: 0 }),
  dense(3, 257, { scale: 3 }),
  dense(2, 1000, { masked: 0 }),
  dense(2, 2100),
  // more than 65,535 workgroups
  dense(70_000, 2, { K: 7 }),
]

function draw(between: (low: number, high: number) => number): SoftmaxShape {
  const N = between(1, between(0, 3) === 0 ? 1200 : 140)
  const quads = Math.ceil(N / 4)
  return {
    R: between(1, 40),
    N,
    K: between(1, 4),
    xOffset: between(0, 3),
    xRow: quads + between(0, 3),
    yOffset: between(0, 3),
    yRow: quads + between(0, 3),
    scale: between(1, 6) / 3,
    masked: between(0, 1) as 0 | 1,
  }
}

const benchmarks = [dense(8192, 64), dense(2048, 256), dense(512, 1000, { masked: 0 })]

const quadsOf = ({ N }: SoftmaxShape): number => Math.ceil(N / 4)
const xSize = (s: SoftmaxShape): number => s.xOffset + (s.R - 1) * s.xRow + quadsOf(s)
const ySize = (s: SoftmaxShape): number => s.yOffset + (s.R - 1) * s.yRow + quadsOf(s)
const lengthsSize = (s: SoftmaxShape): number => (s.masked ? Math.ceil(s.R / s.K) : 1)

const lengthOf = (s: SoftmaxShape, lengths: ArrayLike<number>, r: number): number =>
  s.masked ? Math.min(s.N, lengths[Math.floor(r / s.K)]!) : s.N

export const softmaxForward: Kernel<SoftmaxShape, 'x' | 'lengths' | 'y', SoftmaxTuning> = {
  name: 'softmax.forward',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    lengths: { type: 'u32', access: 'read' },
    y: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings,
  wgsl: forwardWgsl,
  workgroups: ({ R }) => linearGroups(R) as [number, number, number],
  sizes: (s) => ({ x: xSize(s), lengths: lengthsSize(s), y: ySize(s) }),
  reference: (s, { x, lengths, y }) => {
    for (let r = 0; r < s.R; r++) {
      const [from, to] = [(s.xOffset + r * s.xRow) * 4, (s.yOffset + r * s.yRow) * 4]
      y.fill(0, to, to + quadsOf(s) * 4)
      const scores = Array.from({ length: lengthOf(s, lengths, r) }, (_, n) => s.scale * x[from + n]!)
      const top = Math.max(...scores)
      let total = 0
      for (const score of scores) total += Math.exp(score - top)
      for (const [n, score] of scores.entries()) y[to + n] = Math.exp(score - top) / total
    }
  },
  cost: ({ R, N }) => ({ flops: R * N * 5, bytes: R * N * 8 }),
  tolerance: () => ({ absolute: 2e-7, relative: 5e-6 }),
  cases,
  draw,
  benchmarks,
  example: (s, random) => ({
    x: uniform(xSize(s) * 4, random, 5),
    lengths: exampleLengths(lengthsSize(s), s.N, random),
    y: uniform(ySize(s) * 4, random),
  }),
}

/** dx = scale · y (dy − Σ y · dy); `dy` lies where `y` does, `dx` where `x` did. */
export const softmaxBackward: Kernel<SoftmaxShape, 'y' | 'dy' | 'lengths' | 'dx', SoftmaxTuning> = {
  name: 'softmax.backward',
  bindings: {
    y: { type: 'vec4f', access: 'read' },
    dy: { type: 'vec4f', access: 'read' },
    lengths: { type: 'u32', access: 'read' },
    dx: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings,
  wgsl: backwardWgsl,
  workgroups: ({ R }) => linearGroups(R) as [number, number, number],
  sizes: (s) => ({ y: ySize(s), dy: ySize(s), lengths: lengthsSize(s), dx: xSize(s) }),
  reference: (s, { y, dy, lengths, dx }) => {
    for (let r = 0; r < s.R; r++) {
      const [from, to] = [(s.yOffset + r * s.yRow) * 4, (s.xOffset + r * s.xRow) * 4]
      dx.fill(0, to, to + quadsOf(s) * 4)
      let along = 0
      for (let n = 0; n < lengthOf(s, lengths, r); n++) along += y[from + n]! * dy[from + n]!
      for (let n = 0; n < lengthOf(s, lengths, r); n++) dx[to + n] = s.scale * y[from + n]! * (dy[from + n]! - along)
    }
  },
  cost: ({ R, N }) => ({ flops: R * N * 5, bytes: R * N * 12 }),
  tolerance: ({ N }) => ({ absolute: 1e-6 + 1e-8 * N, relative: 1e-5 }),
  cases,
  draw,
  benchmarks,
  example: (s, random) => ({
    // As a softmax gives it: few columns carry most of a row.
    y: uniform(ySize(s) * 4, random).map((v) => v ** 8),
    dy: uniform(ySize(s) * 4, random),
    lengths: exampleLengths(lengthsSize(s), s.N, random),
    dx: uniform(xSize(s) * 4, random),
  }),
  gradient: {
    forward: softmaxForward,
    from: { y: 'dy' },
    to: { x: (s, { dx }) => rowsOnly(dx, s.xOffset * 4, s.xRow * 4, s.R, s.N) },
  },
}
