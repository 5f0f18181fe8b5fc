/** The MessagePack body of `POST /v1/embeddings/read`: columns as binaries. U users, D = dim of a model. */
import type { VectorEncoding } from '@headwater/client'
import { bytesOf, packMessage } from '@headwater/client/wire'
import type { ServedBatch, ServedColumns } from '@headwater/pooling'
import type { ReadMessage } from '../messages/read-message.ts'
import { type AnswerMemory, binaryHeadBytes, listHeadBytes } from './answer-memory.ts'

/** The size is known beforehand and columns go straight into place: a packer of any message took most of a read's time. */
export function packAnswer(
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
