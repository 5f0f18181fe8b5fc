/** The encoder's process of a server. */
import type { EncoderProcess } from '@headwater/encoder'
import type { Compiling } from '@headwater/pooling'
import { chooseEncoder, onnxBackend } from '../../encoder/choose-encoder.ts'
import { linePace } from '../../terminal/line-pace.ts'
import type { ServeOptions } from './options.ts'
import type { Serving } from './report.ts'

/** @throws CommandError, EncoderStartError */
export async function startServeEncoder({ options, closers, say, warn: onError }: Serving): Promise<EncoderProcess> {
  const [kind, { startEncoder }] = await Promise.all([
    chooseEncoder(options.encoder, say),
    import('@headwater/encoder'),
  ])
  const backend = kind === 'onnx' && { backend: onnxBackend }
  const isDue = linePace()
  const onCompile = ({ number, total }: Compiling) => {
    if (isDue()) say(`compiling kernels ${number} of ${total}`)
  }
  const encoder = await startEncoder({ onError, onCompile, prefix: encoderPrefix(options), ...backend })
  closers.push(() => encoder.close())
  return encoder
}

/** Program and arguments before the encoder's own: on which cores it runs, and with which priority. */
export function encoderPrefix({ encoderCpus, encoderIdle }: Partial<ServeOptions>): readonly string[] {
  const idle = encoderIdle === true ? ['chrt', '--idle', '0'] : []
  return encoderCpus === undefined ? idle : [...idle, 'taskset', '-c', encoderCpus]
}
