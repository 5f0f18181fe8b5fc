/**
 * Binary cross-entropy of T tasks on logits, with a weight a row and a task (He et al. 2014's log loss, weighted):
 *   loss[r, t] = max(z, 0) − z·y + log(1 + e^−|z|),   dz[r, t] = w_r · w_t · (σ(z) − y) · scale
 * `loss` is left unweighted, for scores. Padded columns get zero gradient. Shape letters: R rows, T tasks, T4 vec4 of them.
 */
import type { Kernel, Tuning } from '@headwater/gpu'
import { padded, uniform } from '../case-arrays.ts'

export type BceShape = { R: number; T: number; scale: number }

export const bceMultiTask: Kernel<
  BceShape,
  'logits' | 'labels' | 'rowWeights' | 'taskWeights' | 'loss' | 'dlogits',
  Tuning
> = {
  name: 'bce.multi-task',
  bindings: {
    logits: { type: 'f32', access: 'read' },
    labels: { type: 'f32', access: 'read' },
    rowWeights: { type: 'f32', access: 'read' },
    taskWeights: { type: 'f32', access: 'read' },
    loss: { type: 'f32', access: 'read_write' },
    dlogits: { type: 'f32', access: 'read_write' },
  },
  uniforms: { R: 'u32', T: 'u32', scale: 'f32' },
  tunings: [{ name: 'lane-per-logit' }],
  wgsl: () => /* wgsl */ `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = (u.T + 3u) / 4u * 4u;
  let r = id.x / width;
  if (r >= u.R) { return; }
  let t = id.x % width;
  if (t >= u.T) { loss[id.x] = 0.0; dlogits[id.x] = 0.0; return; }
  let z = logits[id.x];
  let y = labels[id.x];
  let tail = exp(-abs(z));
  loss[id.x] = max(z, 0.0) - z * y + log(1.0 + tail);
  let p = select(tail, 1.0, z >= 0.0) / (1.0 + tail);
  dlogits[id.x] = rowWeights[r] * taskWeights[t] * (p - y) * u.scale;
}`,
  workgroups: ({ R, T }) => [Math.ceil((R * padded(T)) / 64), 1, 1],
  reference: (s, { logits, labels, rowWeights, taskWeights, loss, dlogits }) => {
    const width = padded(s.T)
    for (let i = 0; i < s.R * width; i++) {
      const t = i % width
      const p = 1 / (1 + Math.exp(-logits[i]!))
      loss[i] = t < s.T ? -labels[i]! * Math.log(p) - (1 - labels[i]!) * Math.log1p(-p) : 0
      dlogits[i] = t < s.T ? rowWeights[Math.floor(i / width)]! * taskWeights[t]! * (p - labels[i]!) * s.scale : 0
    }
  },
  cost: ({ R, T }) => ({ flops: R * T * 12, bytes: R * T * 16 }),
  tolerance: () => ({ absolute: 3e-6, relative: 1e-5 }),
  cases: [
    { R: 1, T: 1, scale: 1 },
    { R: 67, T: 5, scale: 1 / 67 },
    { R: 512, T: 4, scale: 1 / 512 },
  ],
  example: ({ R, T }, random) => ({
    logits: uniform(R * padded(T), random, 8),
    labels: uniform(R * padded(T), random).map((x) => (x > 0 ? 1 : 0)),
    rowWeights: uniform(R, random).map(Math.abs),
    taskWeights: uniform(padded(T), random).map(Math.abs),
    loss: new Float32Array(R * padded(T)),
    dlogits: new Float32Array(R * padded(T)),
  }),
}
