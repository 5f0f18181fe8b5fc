/**
 * jax-js on WebGPU: functions under `jit`, compiled once. It submits when an output is asked for; `gpuBuffer()` asks
 * without reading. Arguments are consumed, so each run gets references of its own.
 */
// jax-js wants iterator helpers, which Node 20 lacks.
import 'core-js/actual/iterator/index.js'
import * as jax from '@jax-js/jax'
import type { Attempt, Peer } from '../contestant.ts'
import { type AttentionWork, adamwRates, layerNormEpsilon, type Workload } from '../workloads.ts'
import { headsFirst, headsLast, maskOf } from './heads.ts'

const { numpy: np, nn } = jax

interface Function {
  readonly way: string
  readonly inputs: readonly jax.Array[]
  run(...inputs: jax.Array[]): jax.Array | jax.Array[]
  readonly arrange?: (output: Float32Array) => Float32Array
}

const upload = (data: Float32Array | Int32Array, ...dims: number[]) => np.array(data).reshape(dims)

function attentionOf(work: AttentionWork, x: Workload['inputs']): Function[] {
  const { B, L, H, D } = work
  const lengths = upload(x.lengths, B)
  const whole = [x.q, x.k, x.v, x.dy].map((data) => upload(data, B, L, H, D))
  const heads = [x.q, x.k, x.v, x.dy].map((data) => upload(headsFirst(data as Float32Array, work), B, H, L, D))
  const mask = upload(maskOf(x.lengths as Int32Array, L), B, 1, 1, L)
  const arrange = (y: Float32Array) => headsLast(y, work)
  const library = (q: jax.Array, k: jax.Array, v: jax.Array, keyValueSeqLengths: jax.Array) =>
    nn.dotProductAttention(q, k, v, { keyValueSeqLengths })
  const composed = (q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array) => {
    const scores = np
      .matmul(q, np.matrixTranspose(k))
      .mul(1 / Math.sqrt(D))
      .add(bias)
    return np.matmul(nn.softmax(scores, -1), v)
  }
  if (work.kind === 'attention')
    return [
      { way: 'dotProductAttention', inputs: [...whole.slice(0, 3), lengths], run: library },
      { way: 'matmul, softmax, matmul', inputs: [...heads.slice(0, 3), mask], run: composed, arrange },
    ]
  // The gradient of Σ y · dy by q, k and v.
  const gradient = (forward: typeof library) =>
    jax.grad(
      (q: jax.Array, k: jax.Array, v: jax.Array, dy: jax.Array, other: jax.Array) =>
        forward(q, k, v, other).mul(dy).sum(),
      { argnums: [0, 1, 2] },
    )
  return [
    { way: 'grad of dotProductAttention', inputs: [...whole, lengths], run: gradient(library) },
    { way: 'grad of matmul, softmax, matmul', inputs: [...heads, mask], run: gradient(composed), arrange },
  ]
}

function functionsOf({ work, inputs: x }: Workload): Function[] {
  switch (work.kind) {
    case 'matmul': {
      const { B, M, N, K, transposeA } = work
      const lead = B > 1 ? [B] : []
      const inputs = [upload(x.a, ...lead, ...(transposeA ? [K, M] : [M, K])), upload(x.b, ...lead, K, N)]
      const run = (a: jax.Array, b: jax.Array) => np.matmul(transposeA ? np.matrixTranspose(a) : a, b)
      return [{ way: transposeA ? 'matmul of matrixTranspose' : 'matmul', inputs, run }]
    }
    case 'attention':
    case 'attention-backward':
      return attentionOf(work, x)
    case 'layer-norm': {
      const inputs = [upload(x.x, work.R, work.D), upload(x.gain, work.D), upload(x.shift, work.D)]
      const run = (rows: jax.Array, gain: jax.Array, shift: jax.Array) =>
        nn.standardize(rows, -1, { epsilon: layerNormEpsilon }).mul(gain).add(shift)
      return [{ way: 'standardize, mul, add', inputs, run }]
    }
    case 'gather': {
      const inputs = [upload(x.table, work.V, work.D), upload(x.ids, work.R, work.ids)]
      return [{ way: 'take, mean', inputs, run: (table, ids) => np.mean(np.take(table, ids, 0), 1) }]
    }
    case 'adamw': {
      const { learning, beta1, beta2, epsilon, decay, step } = adamwRates
      const inputs = [x.values, x.gradient, x.first, x.second].map((data) => upload(data, work.parameters))
      const run = (values: jax.Array, gradient: jax.Array, first: jax.Array, second: jax.Array) => {
        const newFirst = first.mul(beta1).add(gradient.ref.mul(1 - beta1))
        const newSecond = second.mul(beta2).add(np.square(gradient).mul(1 - beta2))
        const scale = np.sqrt(newSecond.ref.mul(1 / (1 - beta2 ** step))).add(epsilon)
        const change = newFirst.ref.div(scale).mul(learning / (1 - beta1 ** step))
        return [values.mul(1 - learning * decay).sub(change), newFirst, newSecond]
      }
      return [{ way: 'one expression', inputs, run }]
    }
    case 'linear-gelu': {
      const inputs = [upload(x.x, work.M, work.K), upload(x.w, work.K, work.N), upload(x.bias, work.N)]
      const run = (rows: jax.Array, w: jax.Array, bias: jax.Array) => nn.gelu(np.matmul(rows, w).add(bias))
      return [{ way: 'matmul, add, gelu', inputs, run }]
    }
  }
}

/** @throws where the library finds no WebGPU. */
export async function jaxJs(version: string): Promise<Peer> {
  if (!(await jax.init('webgpu')).includes('webgpu')) throw new Error('jax-js could not start its WebGPU backend.')
  jax.defaultDevice('webgpu')
  const device = jax.getWebGPUDevice()
  const attempt = ({ way, inputs, run, arrange }: Function): Attempt => {
    const compiled = jax.jit(run)
    const call = (): jax.Array[] => [compiled(...inputs.map((input) => input.ref))].flat()
    return {
      way,
      async result() {
        const outputs: number[] = []
        for (const output of call()) {
          const data = (await output.data()) as Float32Array
          for (const value of arrange ? arrange(data) : data) outputs.push(value)
        }
        return Float32Array.from(outputs)
      },
      async queue(repeats) {
        for (let i = 0; i < repeats; i++) for (const output of call()) await output.gpuBuffer()
      },
      dispose() {
        for (const input of inputs) input.dispose()
        compiled.dispose()
      },
    }
  }
  return {
    name: `jax-js ${version}`,
    device,
    attempts: async (workload: Workload) => functionsOf(workload).map(attempt),
  }
}
