import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { InputArray } from '../ports/ports.ts'

/** A model in ONNX Runtime on the CPU, as a user of the file would run it. */
export async function openModel(file: Uint8Array) {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 })
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    /** @returns the outputs' numbers and shapes by name. */
    async run(inputs: ReadonlyMap<string, InputArray>) {
      const feeds = Object.fromEntries(
        [...inputs].map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]),
      )
      const results = await session.run(feeds)
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { dims: tensor.dims, data: tensor.data as Float32Array },
        ]),
      )
    },
    release: () => session.release(),
  }
}
