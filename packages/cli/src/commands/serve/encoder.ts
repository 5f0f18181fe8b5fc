/** The encoder's process of a server. */
import type { EncoderProcess } from '@headwater/encoder'
import type { ServeOptions } from './options.ts'
import type { Serving } from './report.ts'

/** URL of the module that the encoder's process imports for `--encoder onnx`. */
export const onnxBackend = new URL(
  import.meta.url.endsWith('.ts') ? './onnx-backend.ts' : './onnx-backend.js',
  import.meta.url,
)

/** @throws EncoderStartError */
export async function startServeEncoder({ options, closers, warn: onError }: Serving): Promise<EncoderProcess> {
  const { startEncoder } = await import('@headwater/encoder')
  const backend = options.encoder === 'onnx' && { backend: onnxBackend }
  const encoder = await startEncoder({ onError, prefix: encoderPrefix(options), ...backend })
  closers.push(() => encoder.close())
  return encoder
}

/** Program and arguments before the encoder's own: on which cores it runs, and with which priority. */
export function encoderPrefix({ encoderCpus, encoderIdle }: Partial<ServeOptions>): readonly string[] {
  const idle = encoderIdle === true ? ['chrt', '--idle', '0'] : []
  return encoderCpus === undefined ? idle : [...idle, 'taskset', '-c', encoderCpus]
}
