/** What `POST /v1/embeddings/read` answers. U users, D = dim of a model. */

import { encodeHalves } from '@headwater/binary16'
import type { VectorEncoding } from '@headwater/client'
import { bytesOf, type Format, packMessage } from '@headwater/client/wire'
import type { ServedBatch, ServedColumns } from '@headwater/pooling'
import type { ReadMessage } from '../messages/read-message.ts'

/**
 * A served batch as the body of an answer: binaries in MessagePack, flat lists of numbers in JSON, where an age that is
 * none is null.
 *
 * @param memory of the body in MessagePack
 */
export function encodeReadAnswer(
  served: ServedBatch,
  message: ReadMessage,
  format: Format,
  memory: AnswerMemory,
): Buffer | string {
  return format === 'json' ? JSON.stringify(jsonAnswer(served, message)) : packAnswer(served, message, memory)
}

function jsonAnswer({ servedMs, models }: ServedBatch, { latest }: ReadMessage) {
  return {
    servedMs,
    models: models.map((columns) => ({
      model: columns.model,
      dim: columns.dim,
      encoding: 'f32',
      vectors: Array.from(columns.vectors),
      ...(latest && { latest: Array.from(columns.latest!) }),
      status: Array.from(columns.status),
      snapshot: Array.from(columns.snapshot),
      frame: Array.from(columns.frame),
      featureTimeMs: Array.from(columns.featureTimeMs),
      ageMs: Array.from(columns.ageMs),
    })),
  }
}

/** The size is known beforehand and columns go straight into place: a packer of any message took most of a read's time. */
function packAnswer(
  { users, servedMs, models }: ServedBatch,
  { encoding, latest }: ReadMessage,
  place: AnswerMemory,
): Buffer {
  const heads = models.map(({ model, dim }) => headOf(model, dim, encoding, latest))
  const valueBytes = encoding === 'f32' ? 4 : 2
  let sizeBytes = answerStart.length + 8 + modelsKey.length + listHeadBytes
  for (let m = 0; m < models.length; m++) {
    const vectorBytes = binaryHeadBytes + users.length * models[m].dim * valueBytes
    sizeBytes += heads[m].length + vectorBytes + (latest ? latestKey.length + vectorBytes : 0)
    sizeBytes += columnKeyBytes + 5 * binaryHeadBytes + users.length * (1 + 4 + 4 + 8 + 8)
  }
  place.begin(sizeBytes)
  place.bytes(answerStart)
  place.float64(servedMs)
  place.bytes(modelsKey)
  place.listHead(models.length)
  for (let m = 0; m < models.length; m++) {
    place.bytes(heads[m])
    packModel(place, models[m], encoding, latest)
  }
  return place.written
}

function packModel(place: AnswerMemory, columns: ServedColumns, encoding: VectorEncoding, latest: boolean): void {
  const { halves } = columns
  if (encoding === 'f16' && halves !== null) place.binary(bytesOf(halves))
  else place.vectors(columns.vectors, encoding)
  if (latest) {
    place.bytes(latestKey)
    place.vectors(columns.latest!, encoding)
  }
  place.bytes(statusKey)
  place.octets(columns.status)
  place.bytes(snapshotKey)
  place.words(columns.snapshot)
  place.bytes(frameKey)
  place.words(columns.frame)
  place.bytes(featureTimeKey)
  place.doubles(columns.featureTimeMs)
  place.bytes(ageKey)
  place.doubles(columns.ageMs)
}

const binaryHeadBytes = 5
const listHeadBytes = 3

/** Memory of one answer after another, each filled from its start. */
export class AnswerMemory {
  #buffer: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(this.#buffer.buffer)
  #at = 0
  /** The answer. It is written anew once the next one begins. */
  written: Buffer = this.#buffer

  get sizeBytes(): number {
    return this.#buffer.length
  }

  begin(sizeBytes: number): void {
    if (sizeBytes > this.#buffer.length) {
      this.#buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(sizeBytes)))
      this.#view = new DataView(this.#buffer.buffer)
    }
    // Most answers are as long as the one before.
    if (sizeBytes !== this.written.length || this.written.buffer !== this.#buffer.buffer) {
      this.written = this.#buffer.subarray(0, sizeBytes)
    }
    this.#at = 0
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#buffer[this.#at++] = bytes[i]
  }

  binary(bytes: Uint8Array): void {
    this.#binaryHead(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  float64(value: number): void {
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  listHead(entries: number): void {
    this.#buffer[this.#at] = 0xdc
    this.#view.setUint16(this.#at + 1, entries)
    this.#at += listHeadBytes
  }

  vectors(values: Float32Array, encoding: VectorEncoding): void {
    if (encoding === 'f32') {
      this.binary(bytesOf(values))
      return
    }
    this.#binaryHead(2 * values.length)
    encodeHalves(values, 0, values.length, this.#buffer, this.#at)
    this.#at += 2 * values.length
  }

  octets(values: Uint8Array): void {
    this.#binaryHead(values.length)
    for (let i = 0; i < values.length; i++) this.#buffer[this.#at++] = values[i]
  }

  words(values: Uint32Array): void {
    this.#binaryHead(4 * values.length)
    for (let i = 0; i < values.length; i++, this.#at += 4) this.#view.setUint32(this.#at, values[i], true)
  }

  doubles(values: Float64Array): void {
    this.#binaryHead(8 * values.length)
    for (let i = 0; i < values.length; i++, this.#at += 8) this.#view.setFloat64(this.#at, values[i], true)
  }

  #binaryHead(sizeBytes: number): void {
    this.#buffer[this.#at] = 0xc6
    this.#view.setUint32(this.#at + 1, sizeBytes)
    this.#at += binaryHeadBytes
  }
}

const packed = (value: unknown): Uint8Array => Uint8Array.from(packMessage(value))
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

const mapOf = (entries: number) => Uint8Array.of(0x80 | entries)
const float64Tag = Uint8Array.of(0xcb)
const answerStart = joined(mapOf(2), packed('servedMs'), float64Tag)
const modelsKey = packed('models')
const latestKey = packed('latest')
const [statusKey, snapshotKey, frameKey, featureTimeKey, ageKey] = [
  'status',
  'snapshot',
  'frame',
  'featureTimeMs',
  'ageMs',
].map(packed)
const columnKeyBytes = joined(statusKey, snapshotKey, frameKey, featureTimeKey, ageKey).length

interface Heads {
  readonly dim: number
  /** By encoding, then with `latest`. */
  readonly bytes: readonly Uint8Array[]
}

/** What stands before a model's vectors, by its name; there are as many as models are declared. */
const heads = new Map<string, Heads>()

function headOf(model: string, dim: number, encoding: VectorEncoding, latest: boolean): Uint8Array {
  let known = heads.get(model)
  if (known?.dim !== dim) {
    known = {
      dim,
      bytes: (['f32', 'f16'] as const).flatMap((encoding) =>
        [false, true].map((latest) => makeHead(model, dim, encoding, latest)),
      ),
    }
    heads.set(model, known)
  }
  return known.bytes[(encoding === 'f32' ? 0 : 2) + (latest ? 1 : 0)]
}

function makeHead(model: string, dim: number, encoding: VectorEncoding, latest: boolean): Uint8Array {
  return joined(mapOf(latest ? 10 : 9), ...['model', model, 'dim', dim, 'encoding', encoding, 'vectors'].map(packed))
}
