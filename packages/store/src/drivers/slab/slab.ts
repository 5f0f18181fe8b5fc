/**
 * Records in typed arrays, by owner: a user, an item or a tombstone of one tenant. All records of an owner, say a user's
 * state, events and rings, lie in one entry, so that a read of a user's models is one probe, and a user leaves as a whole:
 * state and rings never disagree about whether there is such a user. No object an owner or a record.
 *
 * A record that keeps its size is overwritten in place. Else its entry is laid out anew, and the old one is dead until
 * its segment is cleaned (a compacting log). Chosen over size classes, whose waste grows as records' sizes change, and which
 * can evict only what has the size that is asked for.
 */
import type { Table } from '../../record/record.ts'
import { StoreWriteError } from '../../validation/errors.ts'
import { Cleaner } from './cleaner.ts'
import {
  headerWords,
  keyWords,
  kindCode,
  maxParts,
  maxReads,
  type OwnerKind,
  ownerKinds,
  partWords,
  readKey,
  shapeOf,
  unitMask,
  writeKey,
} from './entry.ts'
import { HashIndex, type KeyCheck } from './hash-index.ts'
import { hashKey } from './key-hash.ts'
import { Names } from './names.ts'
import { type Generation, Segments, unitBytes } from './segments.ts'

export type { OwnerKind } from './entry.ts'

/** Parts that every owner may have; rings follow (`partOfModel`). */
export const statePart = 0
export const eventsPart = 1
const firstModelPart = 2

/** Whose entry has a table's records. */
export function ownerOf(table: Table): OwnerKind {
  return table === 'item' || table === 'tombstone' ? table : 'user'
}

export interface SlabOptions {
  /** Bytes of segments and index; absent: as many as are needed. */
  readonly capacityBytes?: number
  /** A power of two. Default 4 MiB, less for a small capacity. */
  readonly segmentBytes?: number
  /** Of the keys' hash. Default random. */
  readonly seed?: number
}

export const minCapacityBytes = 2 ** 20

export class Slab implements KeyCheck {
  /** Where `select` found the record: `bytes[at … at + length)`. Valid until the next write. */
  bytes: Uint8Array = new Uint8Array()
  at = 0
  length = 0
  /** What the caller gave with the record. */
  stamp = 0
  /** Word of its segment at which `select` found the record's part, length and stamp. */
  #directory = 0

  readonly #seed: number
  readonly #capacityBytes: number
  readonly #segments: Segments
  readonly #index: HashIndex = new HashIndex(this)
  readonly #cleaner: Cleaner
  readonly #tenants = new Names()
  readonly #models = new Names()
  #found = new Uint32Array(64)
  #hashes = new Uint32Array(64)

  /** @throws StoreWriteError where the capacity is too small to work with */
  constructor({ capacityBytes = Infinity, segmentBytes, seed }: SlabOptions = {}) {
    if (!(capacityBytes >= minCapacityBytes) && segmentBytes === undefined) {
      throw new StoreWriteError(`a capacity of ${capacityBytes} bytes is too small; give ${minCapacityBytes} or more`)
    }
    const share = Math.min(2 ** 22, capacityBytes / 128)
    this.#segments = new Segments(
      segmentBytes ?? 2 ** Math.floor(Math.log2(share)),
      Number.isFinite(capacityBytes) ? 4 : 1,
    )
    this.#cleaner = new Cleaner(this.#segments, this.#index, capacityBytes)
    this.#capacityBytes = capacityBytes
    this.#seed = seed ?? Math.floor(Math.random() * 2 ** 32)
  }

  get owners(): number {
    return this.#index.count
  }

  /** Entries that the cleaner has moved. */
  get moved(): number {
    return this.#cleaner.moved
  }

  /** Owners that were evicted. */
  get evicted(): number {
    return this.#cleaner.evicted
  }

  /** Segments and index. */
  get sizeBytes(): number {
    return this.#segments.allocatedBytes + this.#index.sizeBytes
  }

  /** Owners of a tenant and kind go by this number; −1 where there are none. */
  spaceOf(tenant: string, kind: OwnerKind): number {
    const number = this.#tenants.numberOf(tenant)
    return number < 0 ? -1 : 4 * number + kindCode[kind]
  }

  /** As `spaceOf`, for writing: makes the number where there is none. */
  makeSpace(tenant: string, kind: OwnerKind): number {
    return 4 * this.#tenants.makeNumber(tenant) + kindCode[kind]
  }

  /** A model's ring goes by this number among its owner's records; −1 where there is none. */
  partOfModel(model: string): number {
    const number = this.#models.numberOf(model)
    return number < 0 ? -1 : firstModelPart + number
  }

  makePartOfModel(model: string): number {
    return firstModelPart + this.#models.makeNumber(model)
  }

  /** An owner's entry, or 0. Valid until the next write. */
  find(space: number, key: string): number {
    return this.#index.find(this.#hash(space, key), space, key)
  }

  /**
   * The entries of several owners, 0 where there is none; each counts as read. A processor waits for several lines of memory
   * at a time where little else is done between their reads: so all hashes are made first, then all home slots looked at,
   * then all entries, and keys are compared at last.
   *
   * @returns [keys.length or more] locations, valid until the next call and the next write
   */
  findAndTouch(space: number, keys: readonly string[]): Uint32Array {
    const count = keys.length
    if (count > this.#found.length) {
      this.#found = new Uint32Array(2 * count)
      this.#hashes = new Uint32Array(2 * count)
    }
    const found = this.#found
    const hashes = this.#hashes
    const index = this.#index
    for (let k = 0; k < count; k++) {
      index.carry()
      hashes[k] = this.#hash(space, keys[k])
    }
    for (let k = 0; k < count; k++) found[k] = index.atHome(hashes[k])
    const { shift, words } = this.#segments
    const inSegment = (1 << shift) - 1
    for (let k = 0; k < count; k++) {
      const location = found[k]
      if (location !== 0 && words[location >>> shift][2 * (location & inSegment) + 1] !== hashes[k]) found[k] = 0
    }
    for (let k = 0; k < count; k++) {
      const location =
        found[k] !== 0 && this.holds(found[k], space, keys[k]) ? found[k] : index.find(hashes[k], space, keys[k])
      found[k] = location
      if (location === 0) continue
      const entry = words[location >>> shift]
      const at = 2 * (location & inSegment)
      if (entry[at] >>> 30 < maxReads) entry[at] += 1 << 30
    }
    return found
  }

  /** Points `bytes`, `at`, `length` and `stamp` at a record of the entry. @returns whether it has one */
  select(location: number, part: number): boolean {
    const segment = location >>> this.#segments.shift
    const words = this.#segments.words[segment]
    const entry = this.#segments.wordAt(location)
    const shape = words[entry + 3]
    const parts = (shape >>> 16) & maxParts
    let directory = entry + headerWords + keyWords(shape)
    let record = directory + partWords * parts
    for (let p = 0; p < parts; p++, directory += partWords) {
      const length = words[directory + 1]
      if (words[directory] !== part) {
        record += (length + 3) >>> 2
        continue
      }
      this.bytes = this.#segments.bytes[segment]
      this.at = 4 * record
      this.length = length
      this.stamp = words[directory + 2]
      this.#directory = directory
      return true
    }
    return false
  }

  /** How many records an entry has. */
  partsOf(location: number): number {
    const words = this.#segments.words[location >>> this.#segments.shift]
    return (words[this.#segments.wordAt(location) + 3] >>> 16) & maxParts
  }

  /**
   * Sets an owner's record. Nothing is evicted and no other entry moves before `maintain`.
   *
   * @throws StoreWriteError where memory is used up
   */
  put(space: number, key: string, part: number, record: Uint8Array, stamp = 0): void {
    const location = this.find(space, key)
    const isHeld = location !== 0 && this.select(location, part)
    if (!isHeld || (this.length + 3) >>> 2 !== (record.length + 3) >>> 2) {
      this.#layOut(location, space, key, part, record, stamp)
      return
    }
    this.bytes.set(record, this.at)
    const words = this.#segments.words[location >>> this.#segments.shift]
    words[this.#directory + 1] = record.length
    words[this.#directory + 2] = stamp
  }

  /** Removes one of an owner's records; with the last of them goes the entry. @returns whether there was one */
  removePart(location: number, part: number): boolean {
    if (!this.select(location, part)) return false
    if (this.partsOf(location) === 1) this.remove(location)
    else this.#layOut(location, 0, '', part, null, 0)
    return true
  }

  remove(location: number): void {
    const { shift, words } = this.#segments
    this.#index.delete(words[location >>> shift][this.#segments.wordAt(location) + 1], location)
    this.#cleaner.bury(location)
  }

  /** Whether an owner's entry may take a record of `sizeBytes` beside what it has, without taking the capacity for itself. */
  fits(location: number, sizeBytes: number): boolean {
    return this.bytesFor(location, sizeBytes) <= this.#capacityBytes / 16
  }

  /** Bytes that setting an owner's record may take: its entry is laid out anew. */
  bytesFor(location: number, recordBytes: number): number {
    if (location === 0) return recordBytes
    const words = this.#segments.words[location >>> this.#segments.shift]
    return (words[this.#segments.wordAt(location)] & unitMask) * unitBytes + recordBytes
  }

  /** @returns whether anything moved; see `Cleaner.makeRoom` */
  makeRoom(sizeBytes: number): boolean {
    return this.#cleaner.makeRoom(sizeBytes)
  }

  /** Cleans and evicts in proportion to what was written since; call it after each operation that wrote. */
  maintain(): void {
    this.#cleaner.maintain()
  }

  /**
   * Visits the records of a space, or of all where it is null, a slice of about `limit` owners; see `HashIndex.visitFrom`.
   */
  visitFrom(
    wanted: number | null,
    from: number,
    limit: number,
    visit: (key: string, part: number, record: Uint8Array, space: number) => void,
  ): number | null {
    return this.#index.visitFrom(from, limit, (location) => {
      const segment = location >>> this.#segments.shift
      const words = this.#segments.words[segment]
      const bytes = this.#segments.bytes[segment]
      const entry = this.#segments.wordAt(location)
      const space = words[entry + 2]
      if (wanted !== null && space !== wanted) return
      const shape = words[entry + 3]
      const parts = (shape >>> 16) & maxParts
      const key = readKey(shape, bytes, 4 * (entry + headerWords))
      const directory = entry + headerWords + keyWords(shape)
      let record = directory + partWords * parts
      for (let p = 0; p < parts; p++) {
        const length = words[directory + partWords * p + 1]
        visit(key, words[directory + partWords * p], bytes.subarray(4 * record, 4 * record + length), space)
        record += (length + 3) >>> 2
      }
    })
  }

  /** Whose a space is. */
  ownersOf(space: number): { readonly tenant: string; readonly kind: OwnerKind } {
    return { tenant: this.#tenants.nameOf(space >>> 2), kind: ownerKinds[space & 3] }
  }

  modelOf(part: number): string {
    return this.#models.nameOf(part - firstModelPart)
  }

  holds(location: number, space: number, key: string): boolean {
    const { shift, words, bytes } = this.#segments
    const segment = location >>> shift
    const entryWords = words[segment]
    const entry = 2 * (location & ((1 << shift) - 1))
    if (entryWords[entry + 2] !== space) return false
    const shape = entryWords[entry + 3]
    const length = shape & 0xffff
    if (length !== key.length) return false
    const entryBytes = bytes[segment]
    let at = 4 * (entry + headerWords)
    if (shape >>> 31 === 0) {
      for (let i = 0; i < length; i++) if (entryBytes[at + i] !== key.charCodeAt(i)) return false
      return true
    }
    for (let i = 0; i < length; i++, at += 2) {
      if ((entryBytes[at] | (entryBytes[at + 1] << 8)) !== key.charCodeAt(i)) return false
    }
    return true
  }

  #hash(space: number, key: string): number {
    return hashKey(this.#seed ^ Math.imul(space, 0x9e3779b1), key)
  }

  /**
   * Lays out an owner's entry, anew where `location` says that there is one, with one record set or, where `record` is
   * null, left out.
   */
  #layOut(location: number, space: number, key: string, part: number, record: Uint8Array | null, stamp: number): void {
    const segments = this.#segments
    const words = segments.words[location >>> segments.shift]
    const bytes = segments.bytes[location >>> segments.shift]
    const entry = segments.wordAt(location)
    const shape = location === 0 ? shapeOf(key) : words[entry + 3]
    const parts = (shape >>> 16) & maxParts
    const keptWords = headerWords + keyWords(shape)
    let newParts = 0
    let recordWords = 0
    for (let p = 0; p < parts; p++) {
      const directory = entry + keptWords + partWords * p
      if (words[directory] === part) continue
      newParts++
      recordWords += (words[directory + 1] + 3) >>> 2
    }
    if (record !== null) {
      newParts++
      recordWords += (record.length + 3) >>> 2
    }
    if (newParts > maxParts) throw new StoreWriteError(`an owner has more than ${maxParts} records; remove models`)
    const units = (keptWords + partWords * newParts + recordWords + 1) >>> 1
    const next = this.#allocate(units, segments.generationOf(location))
    const nextWords = segments.words[next >>> segments.shift]
    const nextBytes = segments.bytes[next >>> segments.shift]
    const nextEntry = this.#segments.wordAt(next)
    if (location === 0) {
      nextWords[nextEntry] = units
      nextWords[nextEntry + 1] = this.#hash(space, key)
      nextWords[nextEntry + 2] = space
      writeKey(key, shape, nextBytes, 4 * (nextEntry + headerWords))
    } else {
      nextWords.set(words.subarray(entry, entry + keptWords), nextEntry)
      nextWords[nextEntry] = units + (words[entry] & ~unitMask)
    }
    nextWords[nextEntry + 3] = (shape & ~(maxParts << 16)) | (newParts << 16)

    let nextDirectory = nextEntry + keptWords
    let nextRecord = nextDirectory + partWords * newParts
    const add = (id: number, source: Uint8Array, recordStamp: number) => {
      nextWords[nextDirectory] = id
      nextWords[nextDirectory + 1] = source.length
      nextWords[nextDirectory + 2] = recordStamp
      nextBytes.set(source, 4 * nextRecord)
      nextDirectory += partWords
      nextRecord += (source.length + 3) >>> 2
    }
    let held = entry + keptWords + partWords * parts
    for (let p = 0; p < parts; p++) {
      const directory = entry + keptWords + partWords * p
      const length = words[directory + 1]
      if (words[directory] !== part) {
        add(words[directory], bytes.subarray(4 * held, 4 * held + length), words[directory + 2])
      }
      held += (length + 3) >>> 2
    }
    if (record !== null) add(part, record, stamp)
    if (location === 0) this.#index.insert(nextWords[nextEntry + 1], next)
    else {
      this.#index.relocate(words[entry + 1], location, next)
      this.#cleaner.bury(location)
    }
  }

  #allocate(units: number, generation: Generation): number {
    if (units > unitMask) throw new StoreWriteError(`an entry of ${units * unitBytes} bytes is too large for the slab`)
    const location = this.#segments.allocate(units, generation, this.#capacityBytes)
    this.#cleaner.wrote(units)
    return location
  }
}
