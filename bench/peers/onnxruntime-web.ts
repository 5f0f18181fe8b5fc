/** onnxruntime-web on its WebGPU provider, as a runtime of whole models. */
import * as ort from 'onnxruntime-web/webgpu'
import type { EncodePeer } from '../encode-peers.ts'

export function onnxruntimeWeb(version: string): EncodePeer {
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  return { name: `onnxruntime-web WebGPU ${version}`, library: ort as never, provider: 'webgpu' }
}
