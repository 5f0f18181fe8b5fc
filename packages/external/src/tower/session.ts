/** ONNX Runtime, which is there only where it was installed. */
import { availableParallelism } from 'node:os'
import type { InferenceSession } from 'onnxruntime-node'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import type { InputTensor } from '../inputs/bind-inputs.ts'

export interface ModelOutput {
  readonly type: string
  /** By the type: of `float32` a Float32Array. The runtime's own types are not there where it is not installed. */
  readonly data: object
  readonly dims: readonly number[]
}

export interface ModelSession {
  readonly outputs: readonly string[]
  /** @returns the output of a name @throws what the runtime says of the inputs */
  run(inputs: ReadonlyMap<string, InputTensor>, output: string): Promise<ModelOutput>
  close(): Promise<void>
}

const options: InferenceSession.SessionOptions = {
  intraOpNumThreads: availableParallelism(),
  // Threads that wait by spinning would take processor time from the threads that answer reads.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
  // What fails is thrown, and need not be printed too.
  logSeverityLevel: 4,
}

/** @param path of the model, whose data files lie beside it @throws ExternalTowerError where the runtime is missing, or refuses the model */
export async function openSession(path: string, opset: number): Promise<ModelSession> {
  const runtime = await import('onnxruntime-node').catch((cause: unknown) => {
    const remedy = 'install it by `npm install onnxruntime-node@1`'
    throw new ExternalTowerError(path, null, 'towers that were made elsewhere need ONNX Runtime', remedy, { cause })
  })
  const session = await runtime.InferenceSession.create(path, options).catch((cause: Error) => {
    const remedy = `export it with an opset that the runtime has (this one is of opset ${opset}) and operators that it knows`
    throw new ExternalTowerError(path, null, `ONNX Runtime refuses the model: ${cause.message}`, remedy, { cause })
  })
  return {
    outputs: session.outputNames,
    run: async (inputs, output) => {
      const feeds = [...inputs].map(([name, { type, data, dims }]) => [name, new runtime.Tensor(type, data, dims)])
      const results = await session.run(Object.fromEntries(feeds) as InferenceSession.FeedsType, [output])
      const { type, data, dims } = results[output]
      return { type, data, dims }
    },
    close: () => session.release(),
  }
}
