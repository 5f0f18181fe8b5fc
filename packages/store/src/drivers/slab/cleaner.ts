/**
 * Gives back what dead entries take: the living of a segment move into another, a few for each entry written, so that no write
 * waits for much. Without a capacity it cleans while more than 1/32 of the bytes are dead.
 *
 * With one, cleaning evicts. Not by exact least-recently-used, which on Zipf-like traffic is the worse choice, but by two
 * CLOCKs, as going through segments from the oldest on is what a CLOCK's hand does (S3-FIFO without its ghosts, Yang et al.
 * 2023). New owners are young: of the tenth of the capacity that is theirs, those that no read has touched go first. Those
 * read move on to the main generation, at whose end each read, three at most, buys another round. Where all was read, so
 * that cleaning frees nothing and falls behind, it evicts what it meets: work stays bounded, and so does memory.
 * Tombstones are never evicted: they leave when they are swept.
 */
import { dead, kindCode, unitMask } from './entry.ts'
import type { HashIndex } from './hash-index.ts'
import { main, type Segments, unitBytes, young } from './segments.ts'

/** It looks at this many units for each unit written. */
const cleanedPerWritten = 16
/** Looking at a tiny entry costs as much as this many units. */
const leastStepUnits = 8
/** Segments that are kept free. It is behind by two at most where it frees anything: one new for each generation. */
const reservedSegments = 4
const segmentsBehind = 2
const youngShare = 1 / 10
const toleratedDead = 1 / 32
/**
 * What an owner's place in the index counts against the capacity: the most that it takes but while a table grows, so that
 * doubling the table does not evict a multitude at once.
 */
const chargedIndexBytes = 22

export class Cleaner {
  readonly #segments: Segments
  readonly #index: HashIndex
  readonly #capacityBytes: number
  /** Segment being cleaned, 0 for none, and the next entry's unit in it. */
  #victim = 0
  #victimAt = 0
  /** Units that it may look at still. */
  #allowance = 0
  /** Room being made for one write. */
  #wantedBytes = 0
  /** Entries that it has moved. */
  moved = 0
  /** Owners that were evicted. */
  evicted = 0

  constructor(segments: Segments, index: HashIndex, capacityBytes: number) {
    this.#segments = segments
    this.#index = index
    this.#capacityBytes = capacityBytes
  }

  /** Counts what was written, for `maintain` to work in proportion. */
  wrote(units: number): void {
    this.#allowance += cleanedPerWritten * Math.max(units, leastStepUnits)
  }

  /**
   * Makes room for a write of more bytes than are kept free anyway; work in proportion to them. Locations found before are
   * not valid any more where it did anything.
   *
   * @returns whether it did anything
   */
  makeRoom(sizeBytes: number): boolean {
    if (sizeBytes <= this.#segments.unitsPerSegment * unitBytes) return false
    let units = (cleanedPerWritten * sizeBytes) / unitBytes
    this.#wantedBytes = sizeBytes
    const needed = this.#overBytes() > 0
    while (units > 0 && this.#overBytes() > 0 && (this.#victim !== 0 || this.#chooseVictim())) units -= this.#cleanOne()
    this.#wantedBytes = 0
    return needed
  }

  /** Cleans and evicts in proportion to what was written since; call it after each operation that wrote. */
  maintain(): void {
    while (this.#allowance > 0) {
      if (this.#victim === 0 && !this.#chooseVictim()) {
        this.#allowance = 0
        return
      }
      this.#allowance -= this.#cleanOne()
    }
  }

  /** Gives up an entry that the index no longer has. */
  bury(location: number): void {
    const segments = this.#segments
    const segment = location >>> segments.shift
    const words = segments.words[segment]
    const entry = segments.wordAt(location)
    words[entry + 2] = dead
    if (segments.free(location, words[entry] & unitMask) && segment !== this.#victim) segments.release(segment)
  }

  /** Bytes beyond the capacity, less what is kept free. */
  #overBytes(): number {
    const keptFree = reservedSegments * this.#segments.unitsPerSegment * unitBytes
    const indexBytes = chargedIndexBytes * this.#index.count
    return this.#segments.allocatedBytes + indexBytes + keptFree + this.#wantedBytes - this.#capacityBytes
  }

  /** @returns whether there is something to clean, and room to clean it into */
  #chooseVictim(): boolean {
    const segments = this.#segments
    this.#victimAt = 0
    if (this.#overBytes() > 0) {
      const first = segments.youngBytes > this.#capacityBytes * youngShare ? young : main
      this.#victim = segments.takeOldest(first) || segments.takeOldest(first === young ? main : young)
    } else if (
      segments.deadUnits > segments.liveUnits * toleratedDead &&
      segments.deadUnits > 2 * segments.unitsPerSegment
    ) {
      this.#victim = segments.takeDeadest()
    }
    return this.#victim !== 0
  }

  /** Looks at the victim's next entry: moves it, evicts it or passes over it. @returns units of work */
  #cleanOne(): number {
    const segments = this.#segments
    const segment = this.#victim
    const location = segment * segments.unitsPerSegment + this.#victimAt
    const words = segments.words[segment]
    const entry = segments.wordAt(location)
    const units = words[entry] & unitMask
    const space = words[entry + 2]
    if (space !== dead) {
      if (!this.#survives(words, entry, segment)) {
        this.evicted++
        this.#index.delete(words[entry + 1], location)
        this.bury(location)
      } else if (units > segments.largestShared) {
        // It fills its segment: that moves as it is.
        segments.requeue(segment)
        this.#victim = 0
        return leastStepUnits
      } else this.#move(location, words, entry, units)
    }
    // Only now, as moving may fail.
    this.#victimAt += units
    if (this.#victimAt >= segments.used[segment]) {
      this.#victim = 0
      segments.release(segment)
    }
    return Math.max(units, leastStepUnits)
  }

  /** Whether an entry is kept; takes back one of the reads that kept it. */
  #survives(words: Uint32Array, entry: number, segment: number): boolean {
    const segments = this.#segments
    const overBytes = this.#overBytes()
    if (overBytes <= 0 || (words[entry + 2] & 3) === kindCode.tombstone) return true
    const reads = words[entry] >>> 30
    const units = words[entry] & unitMask
    if (reads === 0 || overBytes > segmentsBehind * segments.unitsPerSegment * unitBytes) return false
    const promoted = segments.generationOf(segment * segments.unitsPerSegment) === young
    words[entry] = units + (promoted ? 0 : (reads - 1) * 2 ** 30)
    return true
  }

  #move(location: number, words: Uint32Array, entry: number, units: number): void {
    const segments = this.#segments
    const next = segments.allocate(units, main)
    segments.words[next >>> segments.shift].set(words.subarray(entry, entry + 2 * units), segments.wordAt(next))
    this.#index.relocate(words[entry + 1], location, next)
    words[entry + 2] = dead
    segments.free(location, units)
    this.moved++
  }
}
