/**
 * onnxruntime-web's WebGPU execution provider. One operation is one model; inputs and outputs are GPU buffers. A run costs
 * `session.run`, which submits by itself.
 */
import * as ort from 'onnxruntime-web/webgpu'
import type { Attempt, Peer } from '../contestant.ts'
import { adamwRates, layerNormEpsilon, type Workload } from '../workloads.ts'
import { headsFirst, headsLast, maskOf, transposed } from './heads.ts'
import { type OnnxConstant, type OnnxNode, onnxModel } from './onnx-model.ts'

interface Graph {
  readonly way: string
  readonly inputs: { readonly [name: string]: { readonly dims: readonly number[]; data: Float32Array | Int32Array } }
  readonly nodes: readonly OnnxNode[]
  readonly outputs: { readonly [name: string]: readonly number[] }
  readonly constants?: readonly OnnxConstant[]
  /** To the order of the workload's output. */
  readonly arrange?: (output: Float32Array) => Float32Array
}

const node = (op: string, inputs: readonly string[], output: string, more: Partial<OnnxNode> = {}): OnnxNode => ({
  op,
  inputs,
  output,
  ...more,
})
const microsoft = { domain: 'com.microsoft' } as const
const scalar = (name: string, value: number): OnnxConstant => ({ name, dims: [], values: [value] })

function graphsOf({ work, inputs: x }: Workload): Graph[] {
  switch (work.kind) {
    case 'matmul': {
      const { B, M, N, K } = work
      const lead = B > 1 ? [B] : []
      const outputs = { c: [...lead, M, N] }
      const inputs = {
        a: { dims: [...lead, ...(work.transposeA ? [K, M] : [M, K])], data: x.a },
        b: { dims: [...lead, K, N], data: x.b },
      }
      if (!work.transposeA) return [{ way: 'MatMul', inputs, outputs, nodes: [node('MatMul', ['a', 'b'], 'c')] }]
      return [
        { way: 'Gemm', inputs, outputs, nodes: [node('Gemm', ['a', 'b'], 'c', { ints: { transA: 1 } })] },
        {
          way: 'Transpose, MatMul',
          ...{ inputs, outputs },
          nodes: [node('Transpose', ['a'], 'at', { lists: { perm: [1, 0] } }), node('MatMul', ['at', 'b'], 'c')],
        },
      ]
    }
    case 'attention': {
      const { B, L, H, D } = work
      const [q, k, v] = [x.q, x.k, x.v].map((data) => ({ dims: [B, L, H * D], data }))
      const lengths = x.lengths as Int32Array
      const wide = { dims: [B, 1, L, L], data: maskOf(lengths, L, L) }
      const heads = [x.q, x.k, x.v].map((data) => headsFirst(data as Float32Array, work))
      const [qh, kh, vh] = heads.map((data) => ({ dims: [B, H, L, D], data }))
      const kt = { dims: [B, H, D, L], data: transposed(kh.data, work) }
      return [
        {
          way: 'MultiHeadAttention',
          inputs: { q, k, v, bias: wide },
          outputs: { y: [B, L, H * D] },
          nodes: [
            node('MultiHeadAttention', ['q', 'k', 'v', '', '', 'bias'], 'y', { ...microsoft, ints: { num_heads: H } }),
          ],
        },
        {
          way: 'MatMul, Mul, Add, Softmax, MatMul',
          inputs: { q: qh, kt, v: vh, bias: { dims: [B, 1, 1, L], data: maskOf(lengths, L) } },
          outputs: { y: [B, H, L, D] },
          constants: [scalar('scale', 1 / Math.sqrt(D))],
          nodes: [
            node('MatMul', ['q', 'kt'], 'scores'),
            node('Mul', ['scores', 'scale'], 'scaled'),
            node('Add', ['scaled', 'bias'], 'masked'),
            node('Softmax', ['masked'], 'weights', { ints: { axis: -1 } }),
            node('MatMul', ['weights', 'v'], 'y'),
          ],
          arrange: (y) => headsLast(y, work),
        },
      ]
    }
    case 'layer-norm': {
      const { R, D } = work
      const inputs = {
        x: { dims: [R, D], data: x.x },
        gain: { dims: [D], data: x.gain },
        shift: { dims: [D], data: x.shift },
      }
      const more = { ints: { axis: -1 }, floats: { epsilon: layerNormEpsilon } }
      const nodes = [node('LayerNormalization', ['x', 'gain', 'shift'], 'y', more)]
      return [{ way: 'LayerNormalization', inputs, outputs: { y: [R, D] }, nodes }]
    }
    case 'gather': {
      const { R, ids, D, V } = work
      const mean = node('ReduceMean', ['rows'], 'y', { lists: { axes: [1] }, ints: { keepdims: 0 } })
      return [
        {
          way: 'Gather, ReduceMean',
          inputs: { table: { dims: [V, D], data: x.table }, ids: { dims: [R, ids], data: x.ids } },
          outputs: { y: [R, D] },
          nodes: [node('Gather', ['table', 'ids'], 'rows', { ints: { axis: 0 } }), mean],
        },
      ]
    }
    case 'adamw': {
      const { learning, beta1, beta2, epsilon, decay, step } = adamwRates
      const dims = [work.parameters]
      const inputs = Object.fromEntries(Object.entries(x).map(([name, data]) => [name, { dims, data }]))
      const constants = [
        scalar('beta1', beta1),
        scalar('rest1', 1 - beta1),
        scalar('beta2', beta2),
        scalar('rest2', 1 - beta2),
        scalar('correction2', 1 / (1 - beta2 ** step)),
        scalar('epsilon', epsilon),
        scalar('rate', learning / (1 - beta1 ** step)),
        scalar('keep', 1 - learning * decay),
      ]
      const nodes = [
        node('Mul', ['first', 'beta1'], 'm0'),
        node('Mul', ['gradient', 'rest1'], 'm1'),
        node('Add', ['m0', 'm1'], 'newFirst'),
        node('Mul', ['gradient', 'gradient'], 'square'),
        node('Mul', ['second', 'beta2'], 'v0'),
        node('Mul', ['square', 'rest2'], 'v1'),
        node('Add', ['v0', 'v1'], 'newSecond'),
        node('Mul', ['newSecond', 'correction2'], 'v2'),
        node('Sqrt', ['v2'], 'v3'),
        node('Add', ['v3', 'epsilon'], 'v4'),
        node('Div', ['newFirst', 'v4'], 'd0'),
        node('Mul', ['d0', 'rate'], 'd1'),
        node('Mul', ['values', 'keep'], 'p0'),
        node('Sub', ['p0', 'd1'], 'newValues'),
      ]
      const outputs = { newValues: dims, newFirst: dims, newSecond: dims }
      return [{ way: '14 elementwise nodes', inputs, outputs, nodes, constants }]
    }
    case 'linear-gelu': {
      const { M, N, K } = work
      const inputs = {
        x: { dims: [M, K], data: x.x },
        w: { dims: [K, N], data: x.w },
        bias: { dims: [N], data: x.bias },
      }
      const nodes = [node('MatMul', ['x', 'w'], 'product'), node('FastGelu', ['product', 'bias'], 'y', microsoft)]
      return [{ way: 'MatMul, FastGelu', inputs, outputs: { y: [M, N] }, nodes }]
    }
    // It has no gradients.
    case 'attention-backward':
      return []
  }
}

/** @throws where the library finds no WebGPU. */
export async function onnxruntime(version: string): Promise<Peer> {
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  const options = {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
    // Some operators (FusedMatMul) exist on the CPU only and would silently run there.
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  } as const
  // The device exists from the first session on, and goes with the last; so this one stays.
  const value = (name: string) => ({ name, dims: [4] })
  const first = onnxModel([value('x')], [node('Neg', ['x'], 'y')], [value('y')])
  await ort.InferenceSession.create(first, options)
  const device = await ort.env.webgpu.device

  const attempt = async ({ way, inputs, nodes, outputs, constants, arrange }: Graph): Promise<Attempt> => {
    const named = Object.entries(inputs)
    const model = onnxModel(
      named.map(([name, { dims, data }]) => ({ name, dims, integer: data instanceof Int32Array })),
      nodes,
      Object.entries(outputs).map(([name, dims]) => ({ name, dims })),
      constants,
    )
    const session = await ort.InferenceSession.create(model, options)
    const buffers: GPUBuffer[] = []
    const feeds = Object.fromEntries(
      named.map(([name, { dims, data }]) => {
        const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
        const buffer = device.createBuffer({ size: Math.ceil(data.byteLength / 16) * 16, usage })
        device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
        buffers.push(buffer)
        const dataType = data instanceof Int32Array ? 'int32' : 'float32'
        return [name, ort.Tensor.fromGpuBuffer(buffer, { dataType, dims })]
      }),
    )
    const firstOutput = Object.keys(outputs)[0]
    return {
      way,
      async result() {
        const results = await session.run(feeds)
        const output = (await results[firstOutput].getData()) as Float32Array
        for (const tensor of Object.values(results)) tensor.dispose()
        return arrange ? arrange(output) : output
      },
      async queue(repeats) {
        for (let i = 0; i < repeats; i++) for (const tensor of Object.values(await session.run(feeds))) tensor.dispose()
      },
      dispose() {
        for (const buffer of buffers) buffer.destroy()
        void session.release()
      },
    }
  }
  return {
    name: `onnxruntime-web ${version}`,
    device,
    async attempts(workload: Workload) {
      const attempts: Attempt[] = []
      // One by one: it refuses to make two sessions at a time.
      for (const graph of graphsOf(workload)) attempts.push(await attempt(graph))
      return attempts
    },
  }
}
