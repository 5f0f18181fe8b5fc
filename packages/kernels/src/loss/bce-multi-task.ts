/**
 * Binary cross-entropy of T tasks on logits, with a weight a label and a task (He et al. 2014's log loss, weighted):
 *   loss[r, t] = y · softplus(−z) + (1 − y) · softplus(z),   dz[r, t] = w_rt · w_t · (σ(z) − y) · scale
 * Labels may be soft; one that is not known, or of a row that is none, has weight 0. `loss` is left unweighted, for scores.
 * R rows of T columns, padded with zeros to a multiple of 4.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { uniform } from '../examples/example.ts'
import { reads, writes } from '../wgsl/bindings.ts'
import { linearGroups, mainWgsl } from '../wgsl/linear-grid.ts'
import { padded } from '../wgsl/padded.ts'
import { softplusWgsl } from './softplus.ts'

export type BceShape = { R: number; T: number; scale: number }

const lanes = 32

/** log(1 + eˣ) where eˣ does not overflow. */
const softplus = (x: number) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)))

export const bceMultiTask: Kernel<
  BceShape,
  'logits' | 'labels' | 'labelWeights' | 'taskWeights' | 'loss' | 'dlogits',
  Tuning
> = {
  name: 'loss.bce-multi-task',
  bindings: {
    ...reads('vec4f', 'logits', 'labels', 'labelWeights', 'taskWeights'),
    ...writes('vec4f', 'loss', 'dlogits'),
  },
  uniforms: { R: 'size', T: 'size', scale: 'f32' },
  tunings: [{ name: 'lane-per-four-tasks' }],
  wgsl: () => /* wgsl */ `
${softplusWgsl}
${mainWgsl(lanes)}
  let n = group * ${lanes}u + lane;
  let width = (u.T + 3u) / 4u;
  let r = n / width;
  if (r >= u.R) { return; }
  let t = n % width;
  let isTask = vec4u(t * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.T);
  let y = labels[n];
  let z = logistic(logits[n]);
  loss[n] = select(vec4f(), y * z.ofMinus + (1.0 - y) * z.ofPlus, isTask);
  dlogits[n] = select(vec4f(), labelWeights[n] * taskWeights[t] * (z.sigmoid - y) * u.scale, isTask);
}`,
  workgroups: ({ R, T }) => linearGroups(Math.ceil((R * Math.ceil(T / 4)) / lanes)),
  sizes: ({ R, T }) => {
    const width = Math.ceil(T / 4)
    return {
      logits: R * width,
      labels: R * width,
      labelWeights: R * width,
      taskWeights: width,
      loss: R * width,
      dlogits: R * width,
    }
  },
  reference: (s, { logits, labels, labelWeights, taskWeights, loss, dlogits }) => {
    const width = padded(s.T)
    for (let i = 0; i < s.R * width; i++) {
      const [z, y, t] = [logits[i], labels[i], i % width]
      loss[i] = t < s.T ? y * softplus(-z) + (1 - y) * softplus(z) : 0
      const weight = labelWeights[i] * taskWeights[t]
      dlogits[i] = t < s.T ? weight * (1 / (1 + Math.exp(-z)) - y) * s.scale : 0
    }
  },
  cost: ({ R, T }) => ({ flops: R * T * 16, bytes: R * padded(T) * 20 }),
  tolerance: () => ({ absolute: 1e-6, relative: 4e-6 }),
  cases: [
    { R: 1, T: 1, scale: 1 },
    { R: 67, T: 5, scale: 1 / 67 },
    { R: 512, T: 4, scale: 1 / 512 },
    { R: 31, T: 8, scale: 1 },
  ],
  draw: (between) => ({ R: between(1, 140), T: between(1, 9), scale: 1 / between(1, 90) }),
  benchmarks: [
    { R: 2048, T: 1, scale: 1 / 2048 },
    { R: 2048, T: 4, scale: 1 / 2048 },
    { R: 2048, T: 8, scale: 1 / 2048 },
  ],
  example: ({ R, T }, random) => ({
    // Some logits lie where σ has long been 0 or 1.
    logits: uniform(R * padded(T), random, 8).map((z) => (z > 7 ? z * 10 : z)),
    labels: uniform(R * padded(T), random).map((x) => (x > 0.2 ? 1 : x < -0.2 ? 0 : Math.abs(x) * 5)),
    labelWeights: uniform(R * padded(T), random).map((weight) => Math.max(0, weight)),
    taskWeights: uniform(padded(T), random).map(Math.abs),
  }),
  gradient: {
    get forward() {
      return bceMultiTask
    },
    from: {
      loss: ({ R, T, scale }, { labelWeights, taskWeights }) =>
        Array.from({ length: R * padded(T) }, (_, i) => {
          const t = i % padded(T)
          return t < T ? labelWeights[i] * taskWeights[t] * scale : 0
        }),
    },
    to: { logits: 'dlogits' },
  },
}
