/** The encoder's process of a server. */
import type { EncoderProcess, StartEncoderOptions } from '@headwater/pooling/encoder'
import type { ServeOptions } from './serve-options.ts'

/** Of the module that the process imports for `--encoder onnx`. */
export const onnxBackend = new URL(
  import.meta.url.endsWith('.ts') ? './onnx-backend.ts' : './onnx-backend.js',
  import.meta.url,
)

/** @throws EncoderStartError */
export async function startServeEncoder(
  { encoder, encoderCpus }: ServeOptions,
  onError: (error: Error) => void,
): Promise<EncoderProcess> {
  const { startEncoder } = await import('@headwater/pooling/encoder')
  const options: StartEncoderOptions = {
    onError,
    ...(encoder === 'onnx' && { backend: onnxBackend }),
    ...(encoderCpus !== undefined && { prefix: ['taskset', '-c', encoderCpus] }),
  }
  return startEncoder(options)
}
