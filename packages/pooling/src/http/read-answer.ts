/** What `POST /v1/embeddings/read` answers. U users, D = dim of a model. */
import { floatToHalf } from '@headwater/store'
import type { ServedBatch, ServedColumns } from '../served-batch.ts'
import { bytesOf } from '../wire/binary.ts'
import { type Format, packMessage } from '../wire/formats.ts'
import type { ReadMessage, VectorEncoding } from '../wire/read-message.ts'

/**
 * A served batch as the body of an answer: binaries in MessagePack, flat lists of numbers in JSON, where an age that is
 * none is null.
 */
export function encodeReadAnswer(served: ServedBatch, message: ReadMessage, format: Format): Uint8Array | string {
  const answer = {
    servedMs: served.servedMs,
    models: served.models.map((columns) => modelAnswer(columns, message, format)),
  }
  return format === 'json' ? JSON.stringify(answer) : packMessage(answer)
}

function modelAnswer(columns: ServedColumns, { encoding, latest }: ReadMessage, format: Format) {
  const write = format === 'json' ? (array: Parameters<typeof bytesOf>[0]) => Array.from(array) : bytesOf
  const vectors = (values: Float32Array) => write(format === 'json' ? values : inEncoding(values, encoding))
  return {
    model: columns.model,
    dim: columns.dim,
    encoding: format === 'json' ? 'f32' : encoding,
    vectors: vectors(columns.vectors),
    ...(latest && { latest: vectors(columns.latest) }),
    status: write(columns.status),
    snapshot: write(columns.snapshot),
    frame: write(columns.frame),
    featureTimeMs: write(columns.featureTimeMs),
    ageMs: write(columns.ageMs),
  }
}

function inEncoding(values: Float32Array, encoding: VectorEncoding): Float32Array | Uint16Array {
  if (encoding === 'f32') return values
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) halves[i] = floatToHalf(values[i])
  return halves
}
