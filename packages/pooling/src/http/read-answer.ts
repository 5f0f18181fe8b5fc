/** What `POST /v1/embeddings/read` answers. U users, D = dim of a model. */
import type { ServedBatch, ServedColumns } from '../served-batch.ts'
import { bytesOf } from '../wire/binary.ts'
import { type Format, packMessage } from '../wire/formats.ts'
import { floatsToHalves } from '../wire/half.ts'
import type { ReadMessage, VectorEncoding } from '../wire/read-message.ts'

/**
 * A served batch as the body of an answer: binaries in MessagePack, flat lists of numbers in JSON, where an age that is
 * none is null.
 */
export function encodeReadAnswer(served: ServedBatch, message: ReadMessage, format: Format): Buffer | string {
  return format === 'json' ? JSON.stringify(jsonAnswer(served, message)) : packAnswer(served, message)
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
function packAnswer({ users, servedMs, models }: ServedBatch, { encoding, latest }: ReadMessage): Buffer {
  const heads = models.map(({ model, dim }) => headOf(model, dim, encoding, latest))
  const valueBytes = encoding === 'f32' ? 4 : 2
  let sizeBytes = answerStart.length + 8 + modelsKey.length + listHeadBytes
  for (let m = 0; m < models.length; m++) {
    const vectorBytes = binaryHeadBytes + users.length * models[m].dim * valueBytes
    sizeBytes += heads[m].length + vectorBytes + (latest ? latestKey.length + vectorBytes : 0)
    sizeBytes += columnKeyBytes + 5 * binaryHeadBytes + users.length * (1 + 4 + 4 + 8 + 8)
  }
  const place = new Place(allocate(sizeBytes))
  place.bytes(answerStart)
  place.float64(servedMs)
  place.bytes(modelsKey)
  place.listHead(models.length)
  for (let m = 0; m < models.length; m++) {
    place.bytes(heads[m])
    packModel(place, models[m], encoding, latest)
  }
  return place.buffer
}

function packModel(place: Place, columns: ServedColumns, encoding: VectorEncoding, latest: boolean): void {
  place.vectors(columns.vectors, encoding)
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

/** A buffer that is filled from its start. */
class Place {
  readonly buffer: Buffer
  readonly #view: DataView
  #at = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  }

  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.buffer[this.#at++] = bytes[i]
  }

  float64(value: number): void {
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  listHead(entries: number): void {
    this.buffer[this.#at] = 0xdc
    this.#view.setUint16(this.#at + 1, entries)
    this.#at += listHeadBytes
  }

  vectors(values: Float32Array, encoding: VectorEncoding): void {
    const sizeBytes = values.length * (encoding === 'f32' ? 4 : 2)
    this.#binaryHead(sizeBytes)
    if (encoding === 'f32') this.buffer.set(bytesOf(values), this.#at)
    else floatsToHalves(values, this.buffer, this.#at)
    this.#at += sizeBytes
  }

  octets(values: Uint8Array): void {
    this.#binaryHead(values.length)
    for (let i = 0; i < values.length; i++) this.buffer[this.#at++] = values[i]
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
    this.buffer[this.#at] = 0xc6
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
      bytes: [
        makeHead(model, dim, 'f32', false),
        makeHead(model, dim, 'f32', true),
        makeHead(model, dim, 'f16', false),
        makeHead(model, dim, 'f16', true),
      ],
    }
    heads.set(model, known)
  }
  return known.bytes[(encoding === 'f32' ? 0 : 2) + (latest ? 1 : 0)]
}

function makeHead(model: string, dim: number, encoding: VectorEncoding, latest: boolean): Uint8Array {
  return joined(mapOf(latest ? 10 : 9), ...['model', model, 'dim', dim, 'encoding', encoding, 'vectors'].map(packed))
}

const slabBytes = 2 ** 16
let slab = Buffer.alloc(0)
let slabUsed = 0

/** Memory for an answer. Small ones share a slab, larger than Node's own pool: its allocation was a tenth of their time. */
function allocate(sizeBytes: number): Buffer {
  if (sizeBytes > slabBytes / 8) return Buffer.allocUnsafe(sizeBytes)
  if (slabUsed + sizeBytes > slab.length) {
    slab = Buffer.allocUnsafeSlow(slabBytes)
    slabUsed = 0
  }
  slabUsed += sizeBytes
  return slab.subarray(slabUsed - sizeBytes, slabUsed)
}
