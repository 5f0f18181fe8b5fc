/**
 * Second-order interactions of a factorization machine (Rendle 2010) over F feature vectors of D4 vec4 a row:
 *   y[r] (+)= Σ_{i<j} v_i · v_j = ½ ‖Σ v‖² − ½ Σ ‖v‖²
 * summed as Σ_i v_i · (v_0 + … + v_{i−1}), which takes no difference of large squares. Σ v is saved for the backward.
 * R rows; `vOffset` and `vRow` count vec4, `yOffset` and `yRow` floats; `accumulate` 1 adds to y, as to a logit.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../case-arrays.ts'
import { prior, priorGradient } from '../prior-gradient.ts'
import { linearGroups, linearGroupWgsl } from '../wgsl/linear-grid.ts'

export type FactorizationShape = {
  R: number
  F: number
  D4: number
  vOffset: number
  vRow: number
  yOffset: number
  yRow: number
  accumulate: number
}

const uniforms = {
  R: 'size',
  F: 'size',
  D4: 'size',
  vOffset: 'u32',
  vRow: 'u32',
  yOffset: 'u32',
  yRow: 'u32',
  accumulate: 'u32',
} as const

const lanes = 32

const cases: readonly FactorizationShape[] = [
  { R: 1, F: 1, D4: 1, vOffset: 0, vRow: 1, yOffset: 0, yRow: 1, accumulate: 0 },
  { R: 67, F: 7, D4: 3, vOffset: 2, vRow: 25, yOffset: 3, yRow: 5, accumulate: 1 },
  { R: 37, F: 32, D4: 4, vOffset: 0, vRow: 128, yOffset: 0, yRow: 4, accumulate: 0 },
  { R: 3, F: 5, D4: 67, vOffset: 1, vRow: 337, yOffset: 1, yRow: 2, accumulate: 1 },
]

/** More than 65,535 workgroups, where a row takes one; every row reads the same vectors. */
const manyGroups: FactorizationShape = {
  R: 65_537,
  F: 2,
  D4: 1,
  vOffset: 0,
  vRow: 0,
  yOffset: 0,
  yRow: 1,
  accumulate: 0,
}

const draw = (between: (low: number, high: number) => number): FactorizationShape => {
  const F = between(1, 12)
  const D4 = between(1, 6)
  const yOffset = between(0, 3)
  return {
    R: between(1, 80),
    F,
    D4,
    vOffset: between(0, 3),
    vRow: F * D4 + between(0, 3),
    yOffset,
    yRow: yOffset + 1 + between(0, 3),
    accumulate: between(0, 1),
  }
}

const benchmarks: readonly FactorizationShape[] = [
  { R: 2048, F: 32, D4: 4, vOffset: 0, vRow: 128, yOffset: 0, yRow: 4, accumulate: 1 },
]

const vSize = ({ R, F, D4, vOffset, vRow }: FactorizationShape) => vOffset + (vRow === 0 ? F * D4 : R * vRow)

const laneForward = /* wgsl */ `
${linearGroupWgsl}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups) * ${lanes}u + lane;
  if (r >= u.R) { return; }
  let F = u.F;
  let D4 = u.D4;
  let start = u.vOffset + r * u.vRow;
  var total = vec4f();
  for (var d = 0u; d < D4; d++) {
    var sum = v[start + d];
    for (var i = 1u; i < F; i++) {
      let e = v[start + i * D4 + d];
      total += e * sum;
      sum += e;
    }
    sums[r * D4 + d] = sum;
  }
  var result = dot(total, vec4f(1.0));
  let place = u.yOffset + r * u.yRow;
  if (u.accumulate != 0u) { result += y[place]; }
  y[place] = result;
}`

/**
 * A workgroup per row, lanes side by side along D: each takes every k-th feature, and two parts (sum, pairs) join as
 * pairs = pairs₁ + pairs₂ + sum₁ ⊙ sum₂.
 */
const groupForward = /* wgsl */ `
${linearGroupWgsl}
var<workgroup> partSums: array<vec4f, 64>;
var<workgroup> partPairs: array<vec4f, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups);
  if (r >= u.R) { return; }
  let F = u.F;
  let D4 = u.D4;
  let start = u.vOffset + r * u.vRow;
  let width = min(D4, 64u);
  let slots = min(64u / width, F);
  let slot = lane / width;
  var total = vec4f();
  for (var first = 0u; first < D4; first += width) {
    let d = first + lane % width;
    var sum = vec4f();
    var pairs = vec4f();
    if (slot < slots && d < D4) {
      sum = v[start + slot * D4 + d];
      for (var i = slot + slots; i < F; i += slots) {
        let e = v[start + i * D4 + d];
        pairs += e * sum;
        sum += e;
      }
    }
    partSums[lane] = sum;
    partPairs[lane] = pairs;
    workgroupBarrier();
    if (lane < width && d < D4) {
      for (var k = 1u; k < slots; k++) {
        pairs += partPairs[k * width + lane] + sum * partSums[k * width + lane];
        sum += partSums[k * width + lane];
      }
      sums[r * D4 + d] = sum;
      total += pairs;
    }
    workgroupBarrier();
  }
  partPairs[lane] = total;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var k = 1u; k < width; k++) { total += partPairs[k]; }
  var result = dot(total, vec4f(1.0));
  let place = u.yOffset + r * u.yRow;
  if (u.accumulate != 0u) { result += y[place]; }
  y[place] = result;
}`

export const factorizationForward: Kernel<FactorizationShape, 'v' | 'y' | 'sums', Tuning> = {
  name: 'interaction.factorization.forward',
  bindings: {
    v: { type: 'vec4f', access: 'read' },
    y: { type: 'f32', access: 'read_write' },
    sums: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-row' }, { name: 'workgroup-per-row' }],
  wgsl: ({ name }) => (name === 'lane-per-row' ? laneForward : groupForward),
  workgroups: ({ R }, { name }) => linearGroups(name === 'lane-per-row' ? Math.ceil(R / lanes) : R),
  sizes: (s) => ({ v: vSize(s), y: s.yOffset + s.R * s.yRow, sums: s.R * s.D4 }),
  reference: (s, { v, y, sums }) => {
    const D = s.D4 * 4
    for (let r = 0; r < s.R; r++) {
      const at = (i: number, d: number) => v[(s.vOffset + r * s.vRow) * 4 + i * D + d]
      let pairs = 0
      for (let d = 0; d < D; d++) {
        let sum = 0
        for (let j = 0; j < s.F; j++) {
          if (j > 0) pairs += at(j, d) * sum
          sum += at(j, d)
        }
        sums[r * D + d] = sum
      }
      const place = s.yOffset + r * s.yRow
      y[place] = s.accumulate ? y[place] + pairs : pairs
    }
  },
  cost: ({ R, F, D4 }) => ({ flops: R * F * D4 * 12, bytes: R * (F * D4 * 16 + D4 * 16 + 4) }),
  tolerance: ({ F, D4 }) => ({ absolute: 3e-7 * F * Math.sqrt(F * D4), relative: 1e-5 }),
  cases: [...cases, manyGroups],
  draw,
  benchmarks,
  example: (s, random) => ({
    v: uniform(vSize(s) * 4, random),
    y: new Float32Array(s.yOffset + s.R * s.yRow).fill(0.25),
    sums: new Float32Array(s.R * s.D4 * 4),
  }),
}

/** dv_i (+)= dy · (Σ v − v_i); here `accumulate` 1 adds to dv, which may hold the gradient of a deep part. */
export const factorizationBackward: Kernel<FactorizationShape, 'v' | 'sums' | 'dy' | 'dv', Tuning> = {
  name: 'interaction.factorization.backward',
  bindings: {
    v: { type: 'vec4f', access: 'read' },
    sums: { type: 'vec4f', access: 'read' },
    dy: { type: 'f32', access: 'read' },
    dv: { type: 'vec4f', access: 'read_write' },
  },
  uniforms,
  tunings: [{ name: 'lane-per-column' }],
  wgsl: () => /* wgsl */ `
${linearGroupWgsl}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = linearGroup(group, groups) * ${lanes}u + lane;
  let D4 = u.D4;
  let r = n / D4;
  if (r >= u.R) { return; }
  let gradient = dy[u.yOffset + r * u.yRow];
  let sum = sums[n];
  let accumulate = u.accumulate != 0u;
  let start = u.vOffset + r * u.vRow + n % D4;
  let end = start + u.F * D4;
  for (var place = start; place < end; place += D4) {
    var g = gradient * (sum - v[place]);
    if (accumulate) { g += dv[place]; }
    dv[place] = g;
  }
}`,
  workgroups: ({ R, D4 }) => linearGroups(Math.ceil((R * D4) / lanes)),
  sizes: (s) => ({ v: vSize(s), sums: s.R * s.D4, dy: s.yOffset + s.R * s.yRow, dv: vSize(s) }),
  reference: (s, { v, sums, dy, dv }) => {
    const D = s.D4 * 4
    for (let r = 0; r < s.R; r++)
      for (let i = 0; i < s.F; i++)
        for (let d = 0; d < D; d++) {
          const place = (s.vOffset + r * s.vRow) * 4 + i * D + d
          const g = dy[s.yOffset + r * s.yRow] * (sums[r * D + d] - v[place])
          dv[place] = s.accumulate ? dv[place] + g : g
        }
  },
  cost: ({ R, F, D4, accumulate }) => ({ flops: R * F * D4 * 8, bytes: R * F * D4 * (accumulate ? 48 : 32) }),
  tolerance: ({ F }) => ({ absolute: 3e-7 * Math.sqrt(F), relative: 1e-6 }),
  cases,
  draw,
  benchmarks,
  example: (s, random) => ({
    v: uniform(vSize(s) * 4, random),
    sums: uniform(s.R * s.D4 * 4, random, Math.sqrt(s.F)),
    dy: uniform(s.yOffset + s.R * s.yRow, random),
    dv: priorGradient(vSize(s) * 4),
  }),
  gradient: {
    forward: factorizationForward,
    from: {
      // Only y's own column depends on v.
      y: ({ yOffset, yRow }, { dy }) =>
        Array.from(dy, (value, i) => (i >= yOffset && (i - yOffset) % yRow === 0 ? value : 0)),
    },
    to: {
      v: ({ R, F, D4, vOffset, vRow, accumulate }, { dv }) =>
        Array.from(dv, (value, i) => {
          const column = i - vOffset * 4
          const isInput = column >= 0 && column < R * vRow * 4 && column % (vRow * 4) < F * D4 * 4
          return isInput ? value - (accumulate ? prior(i) : 0) : 0
        }),
    },
  },
}
