/**
 * Distillation from another model's logits q (Hinton et al. 2015), on binary tasks with temperature τ: the divergence
 * of the student's Bernoulli from the teacher's, which is 0 where they agree, times τ² as gradients shrink with 1/τ²:
 *   loss[r, t] = τ² · KL(σ(q/τ) ‖ σ(z/τ)),   dz[r, t] (+)= w_rt · w_t · τ · (σ(z/τ) − σ(q/τ)) · scale
 * `loss` is left unweighted; `accumulate` 1 adds to dz, as to the gradient of the hard labels; w_rt is 0 for rows and tasks
 * that the student is not to follow. R rows of T columns, padded to a multiple of 4: padding has loss 0 and adds nothing.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { padded, uniform } from '../case-arrays.ts'
import { prior, priorGradient } from '../prior-gradient.ts'
import { linearGroups, linearGroupWgsl } from '../wgsl/linear-grid.ts'
import { softplusWgsl } from './softplus.ts'

export type LogitDistillationShape = { R: number; T: number; temperature: number; scale: number; accumulate: number }

const lanes = 32

/** log σ(x) */
const logSigmoid = (x: number) => (x > 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x)))

export const logitDistillation: Kernel<
  LogitDistillationShape,
  'logits' | 'teacher' | 'labelWeights' | 'taskWeights' | 'loss' | 'dlogits',
  Tuning
> = {
  name: 'loss.logit-distillation',
  bindings: {
    logits: { type: 'vec4f', access: 'read' },
    teacher: { type: 'vec4f', access: 'read' },
    labelWeights: { type: 'vec4f', access: 'read' },
    taskWeights: { type: 'vec4f', access: 'read' },
    loss: { type: 'vec4f', access: 'read_write' },
    dlogits: { type: 'vec4f', access: 'read_write' },
  },
  uniforms: { R: 'size', T: 'size', temperature: 'f32', scale: 'f32', accumulate: 'u32' },
  tunings: [{ name: 'lane-per-four-tasks' }],
  wgsl: () => /* wgsl */ `
${linearGroupWgsl}
${softplusWgsl}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = linearGroup(group, groups) * ${lanes}u + lane;
  let width = (u.T + 3u) / 4u;
  let r = n / width;
  if (r >= u.R) { return; }
  let t = n % width;
  let isTask = vec4u(t * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(u.T);
  let temperature = u.temperature;
  let z = logistic(logits[n] / temperature);
  let q = logistic(teacher[n] / temperature);
  let divergence = q.sigmoid * (z.ofMinus - q.ofMinus) + (1.0 - q.sigmoid) * (z.ofPlus - q.ofPlus);
  loss[n] = select(vec4f(), temperature * temperature * divergence, isTask);
  let slope = labelWeights[n] * taskWeights[t] * (temperature * (z.sigmoid - q.sigmoid)) * u.scale;
  var gradient = select(vec4f(), slope, isTask);
  if (u.accumulate != 0u) { gradient += dlogits[n]; }
  dlogits[n] = gradient;
}`,
  workgroups: ({ R, T }) => linearGroups(Math.ceil((R * Math.ceil(T / 4)) / lanes)),
  sizes: ({ R, T }) => {
    const width = Math.ceil(T / 4)
    return {
      logits: R * width,
      teacher: R * width,
      labelWeights: R * width,
      taskWeights: width,
      loss: R * width,
      dlogits: R * width,
    }
  },
  reference: (s, { logits, teacher, labelWeights, taskWeights, loss, dlogits }) => {
    const width = padded(s.T)
    for (let i = 0; i < s.R * width; i++) {
      const t = i % width
      const [z, q] = [logits[i] / s.temperature, teacher[i] / s.temperature]
      let [divergence, slope] = [0, 0]
      if (t < s.T) {
        // both outcomes: chance · log of the ratio of chances
        for (const sign of [1, -1])
          divergence += Math.exp(logSigmoid(sign * q)) * (logSigmoid(sign * q) - logSigmoid(sign * z))
        slope = s.temperature * (1 / (1 + Math.exp(-z)) - 1 / (1 + Math.exp(-q)))
        slope *= labelWeights[i] * taskWeights[t] * s.scale
      }
      loss[i] = divergence * s.temperature ** 2
      dlogits[i] = s.accumulate ? dlogits[i] + slope : slope
    }
  },
  cost: ({ R, T, accumulate }) => ({ flops: R * T * 36, bytes: R * padded(T) * (accumulate ? 24 : 20) }),
  tolerance: ({ temperature }) => ({ absolute: 3e-6 * Math.max(1, temperature ** 2), relative: 1e-5 }),
  cases: [
    { R: 1, T: 1, temperature: 1, scale: 1, accumulate: 0 },
    { R: 67, T: 5, temperature: 2, scale: 1 / 67, accumulate: 1 },
    { R: 129, T: 4, temperature: 0.5, scale: 1, accumulate: 0 },
    { R: 31, T: 7, temperature: 4, scale: 1, accumulate: 1 },
  ],
  draw: (between) => ({
    R: between(1, 140),
    T: between(1, 9),
    temperature: between(1, 8) / 2,
    scale: 1 / between(1, 90),
    accumulate: between(0, 1),
  }),
  benchmarks: [
    { R: 2048, T: 1, temperature: 2, scale: 1 / 2048, accumulate: 1 },
    { R: 2048, T: 8, temperature: 2, scale: 1 / 2048, accumulate: 1 },
  ],
  example: ({ R, T }, random) => ({
    logits: uniform(R * padded(T), random, 6),
    teacher: uniform(R * padded(T), random, 6),
    labelWeights: uniform(R * padded(T), random).map((weight) => Math.max(0, weight)),
    taskWeights: uniform(padded(T), random).map(Math.abs),
    loss: new Float32Array(R * padded(T)),
    dlogits: priorGradient(R * padded(T)),
  }),
  gradient: {
    get forward() {
      return logitDistillation
    },
    from: {
      loss: ({ R, T, scale }, { labelWeights, taskWeights }) =>
        Array.from({ length: R * padded(T) }, (_, i) => {
          const t = i % padded(T)
          return t < T ? labelWeights[i] * taskWeights[t] * scale : 0
        }),
    },
    to: {
      logits: ({ accumulate }, { dlogits }) => Array.from(dlogits, (g, i) => (accumulate ? g - prior(i) : g)),
    },
  },
}
