/**
 * TensorFlow.js on its WebGPU backend. It gathers a few dispatches before it submits, so after the last run what is left
 * over is submitted.
 */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-webgpu'
import type { Attempt, Peer } from '../contestant.ts'
import { adamwRates, layerNormEpsilon, type Workload } from '../workloads.ts'
import { headsFirst, headsLast, maskOf } from './heads.ts'

interface Function {
  readonly way: string
  readonly inputs: readonly tf.Tensor[]
  /** Its first outputs, as many as the workload has, make the result. */
  run(): readonly tf.Tensor[]
  readonly arrange?: (output: Float32Array) => Float32Array
}

function functionsOf({ work, inputs: x }: Workload): Function[] {
  const tensor = (data: Float32Array | Int32Array, ...dims: number[]) =>
    tf.tensor(data, dims, data instanceof Int32Array ? 'int32' : 'float32')
  switch (work.kind) {
    case 'matmul': {
      const { B, M, N, K, transposeA } = work
      const lead = B > 1 ? [B] : []
      const a = tensor(x.a, ...lead, ...(transposeA ? [K, M] : [M, K]))
      const b = tensor(x.b, ...lead, K, N)
      return [{ way: 'matMul', inputs: [a, b], run: () => [tf.matMul(a, b, transposeA)] }]
    }
    case 'attention': {
      const { B, L, H, D } = work
      const [q, k, v] = [x.q, x.k, x.v].map((data) => tensor(headsFirst(data as Float32Array, work), B * H, L, D))
      const mask = tensor(maskOf(x.lengths as Int32Array, L), B, 1, 1, L)
      const run = () => {
        const scores = tf.reshape(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D)), [B, H, L, L])
        return [tf.matMul(tf.reshape(tf.softmax(tf.add(scores, mask)), [B * H, L, L]), v)]
      }
      const arrange = (y: Float32Array) => headsLast(y, work)
      return [{ way: 'matMul, mul, add, softmax, matMul', inputs: [q, k, v, mask], run, arrange }]
    }
    // In Node its core comes without gradients.
    case 'attention-backward':
      return []
    case 'layer-norm': {
      const rows = tensor(x.x, work.R, work.D)
      const [gain, shift] = [tensor(x.gain, work.D), tensor(x.shift, work.D)]
      const run = () => {
        const { mean, variance } = tf.moments(rows, 1, true)
        const scale = tf.rsqrt(tf.add(variance, layerNormEpsilon))
        return [tf.add(tf.mul(tf.mul(tf.sub(rows, mean), scale), gain), shift)]
      }
      return [{ way: 'moments, sub, mul, mul, add', inputs: [rows, gain, shift], run }]
    }
    case 'gather': {
      const [table, ids] = [tensor(x.table, work.V, work.D), tensor(x.ids, work.R, work.ids)]
      return [{ way: 'gather, mean', inputs: [table, ids], run: () => [tf.mean(tf.gather(table, ids), 1)] }]
    }
    case 'adamw': {
      const { learning, beta1, beta2, epsilon, decay, step } = adamwRates
      const [values, gradient, first, second] = [x.values, x.gradient, x.first, x.second].map((data) =>
        tensor(data, work.parameters),
      )
      const run = () => {
        const newFirst = tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1))
        const newSecond = tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2))
        const scale = tf.add(tf.sqrt(tf.mul(newSecond, 1 / (1 - beta2 ** step))), epsilon)
        const change = tf.mul(tf.div(newFirst, scale), learning / (1 - beta1 ** step))
        return [tf.sub(tf.mul(values, 1 - learning * decay), change), newFirst, newSecond]
      }
      // tf.train.adam composes the same operations, without the decay.
      return [{ way: '14 elementwise operations', inputs: [values, gradient, first, second], run }]
    }
    case 'linear-gelu': {
      const [rows, w, bias] = [tensor(x.x, work.M, work.K), tensor(x.w, work.K, work.N), tensor(x.bias, work.N)]
      const run = () => {
        const y = tf.fused.matMul({ a: rows, b: w, bias })
        const inner = tf.mul(tf.add(y, tf.mul(tf.mul(tf.square(y), y), 0.044715)), Math.sqrt(2 / Math.PI))
        return [tf.mul(tf.mul(y, 0.5), tf.add(tf.tanh(inner), 1))]
      }
      return [{ way: 'fused.matMul, GELU of 9 operations', inputs: [rows, w, bias], run }]
    }
  }
}

/** @throws where the library finds no WebGPU. */
export async function startTensorflow(): Promise<tf.WebGpuBackend> {
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js could not start its WebGPU backend.')
  return tf.backend() as tf.WebGpuBackend
}

/** Submits what it has gathered and not submitted yet. */
export function flushed(backend: tf.WebGpuBackend): void {
  if (!backend.commandEncoder) return
  backend.endComputePassEncoder()
  backend.submitQueue()
}

/** @throws where the library finds no WebGPU. */
export async function tensorflow(version: string): Promise<Peer> {
  const backend = await startTensorflow()
  const attempt = ({ way, inputs, run, arrange }: Function): Attempt => ({
    way,
    async result() {
      const outputs = tf.tidy(run)
      const arrays = await Promise.all(outputs.map(async (output) => (await output.data()) as Float32Array))
      tf.dispose(outputs)
      return concatenated(arrays.map((array) => (arrange ? arrange(array) : array)))
    },
    queue(repeats) {
      for (let i = 0; i < repeats; i++) tf.dispose(tf.tidy(run))
      flushed(backend)
    },
    dispose: () => tf.dispose(inputs),
  })
  return {
    name: `tfjs-webgpu ${version}`,
    device: backend.device,
    attempts: async (workload: Workload) => functionsOf(workload).map(attempt),
  }
}

function concatenated(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const array of arrays) {
    all.set(array, at)
    at += array.length
  }
  return all
}
