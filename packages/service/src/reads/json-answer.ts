/**
 * Answers with vectors as JSON: the body of `POST /v1/embeddings/read`, flat lists of numbers, where an age that is none is null, and
 * messages about items. U users, D = dim of a model.
 */
import { floatToHalf } from '@headwater/binary16'
import type { VectorEncoding } from '@headwater/client'
import type { ServedBatch } from '@headwater/pooling'
import type { ReadMessage } from '../messages/read-message.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { float32Bytes, float64Bytes, writeFloat32, writeFloat64, writeHalf } from './decimals.ts'

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
  const heads = models.map(({ model, dim }) => headOf(model, dim, encoding))
  let mostBytes = 64
  for (let m = 0; m < models.length; m++) {
    const vectorBytes = users.length * models[m].dim * (float32Bytes + 1)
    mostBytes += heads[m].length + (latest ? 2 : 1) * vectorBytes
    mostBytes += users.length * 5 * (float64Bytes + 1) + 128
  }
  const bytes = memory.reserve(mostBytes)
  let at = put(answerStart, bytes, 0)
  at = writeFloat64(servedMs, bytes, at)
  at = put(modelsKey, bytes, at)
  for (let m = 0; m < models.length; m++) {
    const columns = models[m]
    if (m > 0) bytes[at++] = comma
    at = put(heads[m], bytes, at)
    // Where there are halves, asking for `vectors` would make them of these.
    if (columns.halves !== null) at = writeHalves(columns.halves, bytes, at)
    else at = writeVectors(columns.vectors, encoding, bytes, at)
    if (latest) at = writeVectors(columns.latest!, encoding, bytes, put(latestKey, bytes, at))
    at = writeList(columns.status, bytes, put(statusKey, bytes, at))
    at = writeList(columns.snapshot, bytes, put(snapshotKey, bytes, at))
    at = writeList(columns.frame, bytes, put(frameKey, bytes, at))
    at = writeList(columns.featureTimeMs, bytes, put(featureTimeKey, bytes, at))
    at = writeList(columns.ageMs, bytes, put(ageKey, bytes, at))
    bytes[at++] = closeObject
  }
  return memory.take(put(answerEnd, bytes, at))
}

/**
 * A message as JSON text, its `vectors` last, in an encoding.
 *
 * @param about its other fields, at least one
 */
export function withJsonVectors(about: object, vectors: Float32Array, encoding: VectorEncoding): Buffer {
  const head = Buffer.from(`${JSON.stringify(about).slice(0, -1)},"vectors":`)
  const bytes = Buffer.allocUnsafeSlow(head.length + vectors.length * (float32Bytes + 1) + 64)
  head.copy(bytes)
  const end = writeVectors(vectors, encoding, bytes, head.length)
  bytes[end] = closeObject
  return bytes.subarray(0, end + 1)
}

const textOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))
const answerStart = textOf('{"servedMs":')
const modelsKey = textOf(',"models":[')
const answerEnd = textOf(']}')
const latestKey = textOf(',"latest":')
const [statusKey, snapshotKey, frameKey, featureTimeKey, ageKey] = [
  'status',
  'snapshot',
  'frame',
  'featureTimeMs',
  'ageMs',
].map((key) => textOf(`,"${key}":`))
const [open, comma, close, closeObject] = ['[', ',', ']', '}'].map((text) => text.charCodeAt(0))

/** What stands before a model's vectors, by its name; there are as many as models are declared. */
const heads = new Map<string, { readonly dim: number; readonly f32: Uint8Array; readonly f16: Uint8Array }>()

function headOf(model: string, dim: number, encoding: VectorEncoding): Uint8Array {
  let known = heads.get(model)
  if (known?.dim !== dim) {
    const headIn = (own: VectorEncoding) =>
      textOf(`{"model":${JSON.stringify(model)},"dim":${dim},"encoding":"${own}","vectors":`)
    known = { dim, f32: headIn('f32'), f16: headIn('f16') }
    heads.set(model, known)
  }
  return known[encoding]
}

/** The texts are short: a call that copies takes longer than the loop. */
function put(text: Uint8Array, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text[i]
  return at + text.length
}

// A loop for each kind of values: one for all looks at each value's kind, which took as long as writing it.

function writeVectors(values: Float32Array, encoding: VectorEncoding, bytes: Uint8Array, at: number): number {
  bytes[at++] = open
  if (encoding === 'f32')
    for (let i = 0; i < values.length; i++) {
      at = writeFloat32(values[i], bytes, at)
      bytes[at++] = comma
    }
  else
    for (let i = 0; i < values.length; i++) {
      at = writeHalf(floatToHalf(values[i]), bytes, at)
      bytes[at++] = comma
    }
  return closeList(values.length, bytes, at)
}

function writeHalves(values: Uint16Array, bytes: Uint8Array, at: number): number {
  bytes[at++] = open
  for (let i = 0; i < values.length; i++) {
    at = writeHalf(values[i], bytes, at)
    bytes[at++] = comma
  }
  return closeList(values.length, bytes, at)
}

function writeList(values: ArrayLike<number>, bytes: Uint8Array, at: number): number {
  bytes[at++] = open
  for (let i = 0; i < values.length; i++) {
    at = writeFloat64(values[i], bytes, at)
    bytes[at++] = comma
  }
  return closeList(values.length, bytes, at)
}

/** In place of the last comma, where there is one. */
function closeList(length: number, bytes: Uint8Array, at: number): number {
  const end = length > 0 ? at - 1 : at
  bytes[end] = close
  return end + 1
}
