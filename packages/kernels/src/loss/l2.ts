/**
 * L2 penalty on activations, embeddings for instance:
 *   loss[r] = ½ λ ‖x_r‖²,   dx_r += w_r · λ · x_r · scale
 * `loss` is left unweighted. R rows of W4 vec4; `xOffset` and `xRow` count vec4, and dx lies as x does.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/arrays.ts'
import { prior, priorGradient } from '../examples/prior-gradient.ts'
import { linearGroups, linearGroupWgsl } from '../wgsl/linear-grid.ts'
import { groupLanes, groupSumWgsl } from './group-sum.ts'

export type L2Shape = { R: number; W4: number; xOffset: number; xRow: number; lambda: number; scale: number }

const lanes = 32

const main = (isGroup: boolean) => /* wgsl */ `
${linearGroupWgsl}
${isGroup ? groupSumWgsl : ''}
@compute @workgroup_size(${isGroup ? groupLanes : lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let r = linearGroup(group, groups)${isGroup ? '' : ` * ${lanes}u + lane`};
  if (r >= u.R) { return; }
  let slope = rowWeights[r] * u.lambda * u.scale;
  let start = u.xOffset + r * u.xRow;
  let end = start + u.W4;
  var squares = vec4f();
  for (var i = start${isGroup ? ' + lane' : ''}; i < end; i += ${isGroup ? groupLanes : 1}u) {
    let e = x[i];
    squares += e * e;
    dx[i] += slope * e;
  }
  ${isGroup ? 'squares = groupSum(lane, squares);\n  if (lane > 0u) { return; }' : ''}
  loss[r] = 0.5 * u.lambda * dot(squares, vec4f(1.0));
}`

export const l2: Kernel<L2Shape, 'x' | 'rowWeights' | 'loss' | 'dx', Tuning> = {
  name: 'loss.l2',
  bindings: {
    x: { type: 'vec4f', access: 'read' },
    rowWeights: { type: 'f32', access: 'read' },
    loss: { type: 'f32', access: 'read_write' },
    dx: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { R: 'size', W4: 'size', xOffset: 'u32', xRow: 'u32', lambda: 'f32', scale: 'f32' },
  tunings: [{ name: 'workgroup-per-row' }, { name: 'lane-per-row' }],
  wgsl: ({ name }) => main(name === 'workgroup-per-row'),
  workgroups: ({ R }, { name }) => linearGroups(name === 'workgroup-per-row' ? R : Math.ceil(R / lanes)),
  sizes: ({ R, xOffset, xRow }) => ({
    x: xOffset + R * xRow,
    rowWeights: R,
    loss: R,
    dx: xOffset + R * xRow,
  }),
  reference: (s, { x, rowWeights, loss, dx }) => {
    for (let r = 0; r < s.R; r++) {
      loss[r] = 0
      for (let i = 0; i < s.W4 * 4; i++) {
        const place = (s.xOffset + r * s.xRow) * 4 + i
        loss[r] += (s.lambda * x[place] ** 2) / 2
        dx[place] += rowWeights[r] * s.lambda * s.scale * x[place]
      }
    }
  },
  cost: ({ R, W4 }) => ({ flops: R * W4 * 16, bytes: R * (W4 * 48 + 8) }),
  tolerance: ({ W4, lambda }) => ({ absolute: 5e-7 + lambda * W4 * 2e-7, relative: 4e-6 }),
  cases: [
    { R: 1, W4: 1, xOffset: 0, xRow: 1, lambda: 1, scale: 1 },
    { R: 67, W4: 13, xOffset: 2, xRow: 17, lambda: 0.5, scale: 1 / 67 },
    { R: 33, W4: 65, xOffset: 0, xRow: 65, lambda: 2, scale: 0.25 },
    // over 65,535 workgroups where a row takes one
    { R: 65_537, W4: 1, xOffset: 0, xRow: 1, lambda: 1, scale: 1 },
  ],
  draw: (between) => {
    const W4 = between(1, 70)
    return {
      R: between(1, 70),
      W4,
      xOffset: between(0, 3),
      xRow: W4 + between(0, 3),
      lambda: between(0, 4) / 2,
      scale: 1 / between(1, 90),
    }
  },
  benchmarks: [{ R: 2048, W4: 48, xOffset: 0, xRow: 48, lambda: 1e-3, scale: 1 / 2048 }],
  example: (s, random) => {
    const size = (s.xOffset + s.R * s.xRow) * 4
    return {
      x: uniform(size, random),
      rowWeights: uniform(s.R, random).map(Math.abs),
      loss: new Float32Array(s.R),
      dx: priorGradient(size),
    }
  },
  gradient: {
    get forward() {
      return l2
    },
    from: { loss: ({ scale }, { rowWeights }) => Array.from(rowWeights, (weight) => weight * scale) },
    to: { x: (_, { dx }) => Array.from(dx, (g, i) => g - prior(i)) },
  },
}
