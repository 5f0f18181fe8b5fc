import { compileFeatures, parseSchema, type SideBatch, type SideLayout } from '@headwater/features'
import { inputArrays } from '@headwater/onnx/inputs'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { fetched } from './fetched.ts'
import type { Towers } from './towers.ts'

/** The same towers as ONNX models on the CPU, for a browser without WebGPU. Runtime and models are here before it returns. */
export async function onnxTowers(model: string): Promise<Towers> {
  // More threads need a page that is cross-origin isolated.
  env.wasm.numThreads = 1
  env.wasm.wasmBinary = await (await fetched(wasm)).arrayBuffer()
  const session = async (name: string) =>
    InferenceSession.create(await (await fetched(`${model}/${name}`)).arrayBuffer(), { executionProviders: ['wasm'] })
  const [user, mix] = await Promise.all([session('user.onnx'), session('mix.onnx')])
  const schema = await (await fetched(`${model}/snapshot/schema.json`)).json()
  const space = compileFeatures(parseSchema(schema, 'schema.json'))

  const feeds = (layout: SideLayout, batch: SideBatch) =>
    Object.fromEntries(
      [...inputArrays(layout, batch)].map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]),
    )
  const floats = async (session: InferenceSession, inputs: InferenceSession.FeedsType, output: string) =>
    (await session.run(inputs, [output]))[output].data as Float32Array
  return {
    place: 'the CPU: ONNX by onnxruntime-web',
    space,
    embed: (batch) => floats(user, feeds(space.user, batch), 'embeddings'),
    predict(embedding, items) {
      const rows = new Float32Array(items.rows * embedding.length)
      for (let at = 0; at < rows.length; at += embedding.length) rows.set(embedding, at)
      const embeddings = new Tensor('float32', rows, [items.rows, embedding.length])
      return floats(mix, { embeddings, ...feeds(space.item, items) }, 'probabilities')
    },
  }
}
