/** The JSON body of `POST /v1/embeddings/read`: flat lists of numbers, where an age that is none is null. U users, D = dim of a model. */
import { floatToHalf } from '@headwater/binary16'
import type { ServedBatch } from '@headwater/pooling'
import type { ReadMessage } from '../messages/read-message.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { float32Bytes, float64Bytes, writeFloat32, writeFloat64, writeHalf } from './decimals.ts'

/** Writes one number, and returns the place behind it. */
type Write = (value: number, bytes: Uint8Array, at: number) => number

/**
 * Writes the body. Vectors are in the encoding that was asked for, each value in the fewest digits that read back to its bits.
 *
 * @returns the body, in `memory`
 */
export function writeJsonAnswer(
  { users, servedMs, models }: ServedBatch,
  { encoding, latest }: ReadMessage,
  memory: AnswerMemory,
): Buffer {
  const heads = models.map(
    ({ model, dim }) => `{"model":${JSON.stringify(model)},"dim":${dim},"encoding":"${encoding}","vectors":`,
  )
  let mostBytes = 64
  for (let m = 0; m < models.length; m++) {
    const vectorBytes = users.length * models[m].dim * (float32Bytes + 1)
    mostBytes += Buffer.byteLength(heads[m]) + (latest ? 2 : 1) * vectorBytes
    mostBytes += users.length * 5 * (float64Bytes + 1) + 128
  }
  const bytes = memory.reserve(mostBytes)
  const list = (key: string, values: ArrayLike<number>, write: Write) => {
    at += bytes.write(key, at, 'latin1')
    at = writeList(values, write, bytes, at)
  }
  const floats = (key: string, values: Float32Array) =>
    list(key, values, encoding === 'f32' ? writeFloat32 : writeAsHalf)
  let at = bytes.write('{"servedMs":', 0, 'latin1')
  at = writeFloat64(servedMs, bytes, at)
  at += bytes.write(',"models":[', at, 'latin1')
  for (let m = 0; m < models.length; m++) {
    const columns = models[m]
    at += bytes.write(m === 0 ? heads[m] : `,${heads[m]}`, at)
    // Where there are halves, asking for `vectors` would make them of these.
    if (columns.halves === null) floats('', columns.vectors)
    else list('', columns.halves, writeHalf)
    if (latest) floats(',"latest":', columns.latest!)
    list(',"status":', columns.status, writeFloat64)
    list(',"snapshot":', columns.snapshot, writeFloat64)
    list(',"frame":', columns.frame, writeFloat64)
    list(',"featureTimeMs":', columns.featureTimeMs, writeFloat64)
    list(',"ageMs":', columns.ageMs, writeFloat64)
    at += bytes.write('}', at, 'latin1')
  }
  at += bytes.write(']}', at, 'latin1')
  return memory.take(at)
}

function writeAsHalf(value: number, bytes: Uint8Array, at: number): number {
  return writeHalf(floatToHalf(value), bytes, at)
}

const [open, comma, close] = ['[', ',', ']'].map((text) => text.charCodeAt(0))

function writeList(values: ArrayLike<number>, write: Write, bytes: Uint8Array, at: number): number {
  bytes[at++] = open
  for (let i = 0; i < values.length; i++) {
    if (i > 0) bytes[at++] = comma
    at = write(values[i], bytes, at)
  }
  bytes[at++] = close
  return at
}
