/**
 * The record of one user and model: a ring of the last embeddings, newest first, and the pooled vector that reads serve,
 * prepared at write. Pure bytes to bytes. D = dim, S = slots in use.
 *
 * 16 u16 D     18 u8 S     19 u8 slots averaged     20 u8 codec of the slots: 0 fp16, 1 int8     21 three of zero
 * 24 fp16 [D] pooled
 * then S slots of u32 snapshot, u32 frame, f64 feature time, f64 time written, the codec's bytes of vector [D]
 *
 * Pooling is SUM's average over the most recent embeddings (Zhang et al. 2023, arXiv 2311.09544, section on SOAP),
 * restricted to one alignment frame, as vectors of different frames have no common coordinates.
 */

import { decodeHalves, encodeHalves } from '@headwater/binary16'
import { DimensionError, NonFiniteVectorError, StoreCorruptError } from '../validation/errors.ts'
import { type AppendPolicy, sharesOf } from './append-policy.ts'
import { readFloat64, readUint32, writeFloat64, writeUint32 } from './codec/little-endian.ts'
import { codecOf, codecs, type VectorCodec } from './codec/vector-codec.ts'
import { weightedAverage } from './codec/weighted-average.ts'
import {
  allocateRecord,
  checkHeader,
  checkRecord,
  headerBytes,
  nextVersion,
  recordVersion,
  sealRecord,
} from './record.ts'

const pooledAt = headerBytes + 8
const slotHeaderBytes = 24
export const maxDim = 65_535

/** What an embedding was made from and when. Snapshot and frame are u32; times are milliseconds since 1970. */
export interface SlotTag {
  readonly snapshot: number
  readonly frame: number
  readonly featureTimeMs: number
  readonly writtenMs: number
}

/** Why an embedding leaves a ring as it is: it is held already, or what is held must not give way to it. */
export type AppendRefusal = 'duplicate' | 'older'

/** Scratch of `appendToRing`: places of the slots that stay. */
const kept = new Uint8Array(256)

/**
 * Adds an embedding to a ring. Slots are ordered by (snapshot, feature time); adding the same twice changes nothing, and
 * neither does a result that is older than what it would replace. A refresh through an earlier snapshot than a slot's,
 * as of later features than it has, means that the later snapshot was rolled back: its slot leaves the ring, in any order
 * of arrival.
 *
 * @param record the ring so far, or undefined
 * @param seed of the record's address
 * @param vectors holds the embedding at places `row · dim …`
 * @returns the new record, or why there is none
 * @throws NonFiniteVectorError; DimensionError where the ring has another dim; StoreCorruptError, StoreFormatError
 */
export function appendToRing(
  record: Uint8Array | undefined,
  seed: number,
  tag: SlotTag,
  vectors: Float32Array,
  row: number,
  dim: number,
  policy: AppendPolicy,
): Uint8Array | AppendRefusal {
  const codec = codecs[policy.codec ?? 'fp16']
  let held = 0
  if (record !== undefined) {
    checkRecord(record, 'ring', seed)
    checkDim(record, dim)
    held = record[18]
  }

  let place = 0
  let keptSlots = 0
  for (let s = 0; s < held; s++) {
    const at = slotAt(record!, dim, s)
    const snapshot = readUint32(record!, at)
    const featureTimeMs = readFloat64(record!, at + 8)
    // Later features through an earlier snapshot: the later snapshot was rolled back.
    if (snapshot < tag.snapshot && featureTimeMs > tag.featureTimeMs) return 'older'
    if (snapshot > tag.snapshot && featureTimeMs < tag.featureTimeMs) continue
    if (snapshot === tag.snapshot) {
      if (featureTimeMs === tag.featureTimeMs) return 'duplicate'
      if (policy.slot === 'snapshot') {
        if (featureTimeMs > tag.featureTimeMs) return 'older'
        continue
      }
    }
    if (snapshot > tag.snapshot || (snapshot === tag.snapshot && featureTimeMs > tag.featureTimeMs)) place++
    kept[keptSlots++] = s
  }
  if (place >= policy.slots) return 'older'

  const slots = Math.min(keptSlots + 1, policy.slots)
  const next = allocateRecord(pooledAt - headerBytes + 2 * dim + slots * slotSize(codec, dim))
  next[16] = dim & 0xff
  next[17] = dim >>> 8
  next[18] = slots
  next[20] = codec.code
  for (let s = 0; s < slots; s++) {
    const at = slotAt(next, dim, s)
    if (s === place) writeSlot(next, at, codec, tag, vectors, row, dim)
    else copySlot(record!, slotAt(record!, dim, kept[s < place ? s : s - 1]), next, at, codec, dim)
  }
  pool(next, dim, slots, policy)
  sealRecord(next, 'ring', nextVersion(recordVersion(record)), seed)
  return next
}

/**
 * Checks that a record is a ring of vectors of length `dim`, all but its checksum.
 *
 * @throws DimensionError, StoreCorruptError, StoreFormatError
 */
export function checkRing(record: Uint8Array, dim: number): void {
  checkHeader(record, 'ring')
  checkDim(record, dim)
}

/** Byte of the newest slot's tag: u32 snapshot, u32 frame, f64 feature time, f64 time written. */
export function newestTagAt(dim: number): number {
  return pooledAt + 2 * dim
}

/** Decodes the pooled vector to `into[at …]`. Call `checkRing` first. */
export function decodePooled(record: Uint8Array, dim: number, into: Float32Array, at: number): void {
  decodeHalves(record, pooledAt, dim, into, at)
}

/** As `decodePooled`, but the patterns of binary16 as they are held, as bytes. Call `checkRing` first. */
export function copyPooled(record: Uint8Array, dim: number, into: Uint8Array, at: number): void {
  into.set(record.subarray(pooledAt, pooledAt + 2 * dim), 2 * at)
}

/** Decodes the newest vector to `into[at …]`. Call `checkRing` first. */
export function decodeLatest(record: Uint8Array, dim: number, into: Float32Array, at: number): void {
  heldCodec(record).decode(record, newestTagAt(dim) + slotHeaderBytes, dim, into, at)
}

/**
 * Checks a ring whose dim is not known, down to the order of its slots.
 *
 * @param seed of the record's address
 * @returns the tags of its slots, newest first
 * @throws StoreCorruptError, StoreFormatError
 */
export function checkedTags(record: Uint8Array, seed: number): SlotTag[] {
  checkRecord(record, 'ring', seed)
  const dim = ringDim(record)
  checkDim(record, dim)
  const tags = Array.from({ length: record[18] }, (_, s) => tagAt(record, slotAt(record, dim, s)))
  const isSound = tags.every(({ snapshot, featureTimeMs }, s) => {
    if (!Number.isFinite(featureTimeMs)) return false
    const newer = tags[s - 1]
    return s === 0 || snapshot < newer.snapshot || (snapshot === newer.snapshot && featureTimeMs < newer.featureTimeMs)
  })
  if (!isSound || record[19] === 0 || record[19] > tags.length) throw brokenRing()
  return tags
}

/** The newest slot's feature time, of a ring whose dim is not known. @throws StoreCorruptError, StoreFormatError */
export function newestFeatureTimeMs(record: Uint8Array): number {
  const dim = ringDim(record)
  checkRing(record, dim)
  return tagAt(record, newestTagAt(dim)).featureTimeMs
}

/** Numbers of a vector, as the ring says; `checkRing` tells whether it is one. */
export function ringDim(record: Uint8Array): number {
  return record[16] | (record[17] << 8)
}

function heldCodec(record: Uint8Array): VectorCodec {
  const codec = codecOf(record[20])
  if (codec === undefined) throw brokenRing()
  return codec
}

function slotSize(codec: VectorCodec, dim: number): number {
  return slotHeaderBytes + codec.vectorBytes(dim)
}

/** Byte at which a slot of a record starts. */
function slotAt(record: Uint8Array, dim: number, slot: number): number {
  return newestTagAt(dim) + slot * slotSize(heldCodec(record), dim)
}

function checkDim(record: Uint8Array, dim: number): void {
  const heldDim = record.length < pooledAt ? 0 : ringDim(record)
  if (heldDim === 0) throw brokenRing()
  if (heldDim !== dim) {
    throw new DimensionError(
      `the ring holds vectors of length ${heldDim}, not ${dim}; give the new size a new model name`,
    )
  }
  if (record[18] === 0 || record.length !== slotAt(record, dim, record[18])) throw brokenRing()
}

function brokenRing(): StoreCorruptError {
  return new StoreCorruptError('a ring record does not hold the slots that it counts; run a check and restore a backup')
}

function tagAt(record: Uint8Array, at: number): SlotTag {
  return {
    snapshot: readUint32(record, at),
    frame: readUint32(record, at + 4),
    featureTimeMs: readFloat64(record, at + 8),
    writtenMs: readFloat64(record, at + 16),
  }
}

function writeSlot(
  record: Uint8Array,
  at: number,
  codec: VectorCodec,
  tag: SlotTag,
  vectors: Float32Array,
  row: number,
  dim: number,
): void {
  writeUint32(record, at, tag.snapshot)
  writeUint32(record, at + 4, tag.frame)
  writeFloat64(record, at + 8, tag.featureTimeMs)
  writeFloat64(record, at + 16, tag.writtenMs)
  const bad = codec.encode(vectors, row * dim, dim, record, at + slotHeaderBytes)
  if (bad >= 0) throw new NonFiniteVectorError(row, bad, vectors[row * dim + bad])
}

/** Copies a slot, its vector coded anew where the policy's codec has changed. */
function copySlot(from: Uint8Array, fromAt: number, to: Uint8Array, at: number, codec: VectorCodec, dim: number): void {
  const held = heldCodec(from)
  if (held === codec) {
    to.set(from.subarray(fromAt, fromAt + slotSize(codec, dim)), at)
    return
  }
  to.set(from.subarray(fromAt, fromAt + slotHeaderBytes), at)
  const vector = new Float32Array(dim)
  held.decode(from, fromAt + slotHeaderBytes, dim, vector, 0)
  // A scale that was rounded up may carry the largest value past what fp16 holds by a hair, which it rounds back.
  codec.encode(vector, 0, dim, to, at + slotHeaderBytes)
}

/** Scratch of `pool`. */
let averaged = new Float32Array(0)

/** Averages the newest slots of the newest slot's frame and not far behind it, by their weights, into the pooled vector. */
function pool(record: Uint8Array, dim: number, slots: number, policy: AppendPolicy): void {
  const { count, maxLagMs = Infinity, codec = 'fp16' } = policy
  const { frame, featureTimeMs } = tagAt(record, newestTagAt(dim))
  const offsets: number[] = []
  for (let s = 0; s < slots && offsets.length < count; s++) {
    const at = slotAt(record, dim, s)
    const held = tagAt(record, at)
    if (held.frame === frame && featureTimeMs - held.featureTimeMs <= maxLagMs) offsets.push(at + slotHeaderBytes)
  }
  if (averaged.length < dim) averaged = new Float32Array(dim)
  weightedAverage(record, offsets, sharesOf(policy, offsets.length), dim, averaged, codec)
  encodeHalves(averaged, 0, dim, record, pooledAt)
  record[19] = offsets.length
}
