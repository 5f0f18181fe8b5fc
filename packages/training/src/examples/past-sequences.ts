/**
 * Users' sequences as they were at moments gone by. Examples of one user have most events in common, so each event is kept
 * once: in pages of L, written when they are full, while those that fill no page yet are in the user's state. A sequence is
 * read from the two pages at most that it lies in, and encoded as it would have been then.
 */
import type { FeatureSpace, SideBatch } from '@headwater/features'
import { ScratchFile } from './scratch-file.ts'

/** 32-bit words of a moment. */
export const momentWords = 3

interface UserEvents {
  readonly number: number
  /** The live one, which has the last events. */
  readonly state: Uint8Array
  count: number
  /** FNV-1a of all of them. */
  hash: number
  /** Places of full pages in the file; null without any, as most users of a large log are. */
  pages: number[] | null
}

export class PastSequences {
  /** Bytes that an event takes in the file. */
  readonly eventBytes: number
  readonly #space: FeatureSpace
  readonly #path: string
  readonly #file: ScratchFile
  /** L */
  readonly #length: number
  readonly #byUser = new Map<string, UserEvents>()
  readonly #byNumber: UserEvents[] = []
  /** L events. */
  readonly #events: Uint32Array
  #pages = 0

  /**
   * @param space one with a sequence
   * @param path a file that must not exist; it is removed by `close`
   */
  constructor(space: FeatureSpace, path: string) {
    this.#space = space
    this.#path = path
    this.#file = new ScratchFile(path)
    this.#length = space.user.sequence!.length
    this.eventBytes = 4 * space.eventWords
    this.#events = new Uint32Array(this.#length * space.eventWords)
  }

  /**
   * Takes over an event that the user's state has just ingested; each must be, before the next is ingested.
   * @param state the user's, always the same array
   * @throws StateError; RangeError where the state does not have the event; what the file system throws
   */
  add(user: string, state: Uint8Array): void {
    const known = this.#byUser.get(user)
    const own = known ?? { number: this.#byNumber.length, state, count: 0, hash: 0x811c9dc5 | 0, pages: null }
    if (known === undefined) {
      this.#byUser.set(user, own)
      this.#byNumber.push(own)
    }
    const events = this.#events
    this.#space.copyEvents(state, own.count, own.count + 1, events)
    for (let i = 0; i < this.#space.eventWords; i++) own.hash = Math.imul(own.hash ^ events[i], 0x01000193)
    own.count++
    if (own.count % this.#length !== 0) return
    this.#space.copyEvents(state, own.count - this.#length, own.count, events)
    this.#file.append(events, this.#length * this.eventBytes)
    own.pages ??= []
    own.pages.push(this.#pages++)
  }

  /** The moment that a user's sequence is at: who, how many events, and a hash of them. */
  momentOf(user: string, into: Uint32Array, at: number): void {
    const { number, count, hash } = this.#byUser.get(user) ?? { number: 0, count: 0, hash: 0 }
    into[at] = number
    into[at + 1] = count
    into[at + 2] = hash
  }

  /** Encodes one row as of a moment and a time. @throws BatchError; RangeError where the file was cut short */
  encode(moments: Uint32Array, at: number, into: SideBatch, row: number, nowMs: number): void {
    const own = this.#byNumber[moments[at]]
    const end = moments[at + 1]
    const length = this.#length
    const first = Math.max(0, end - length)
    const { eventWords } = this.#space
    const events = this.#events
    for (let from = first; from < end; ) {
      const page = Math.floor(from / length)
      const to = Math.min(end, (page + 1) * length)
      const place = (from - first) * eventWords
      if (own.pages !== null && page < own.pages.length) {
        const fileAt = (own.pages[page] * length + (from % length)) * this.eventBytes
        const bytes = (to - from) * this.eventBytes
        if (!this.#file.read(events, 4 * place, bytes, fileAt))
          throw new RangeError(`${this.#path} ends within page ${own.pages[page]} of ${this.#pages} that were written.`)
      } else this.#space.copyEvents(own.state, from, to, events.subarray(place))
      from = to
    }
    this.#space.encodeEvents(into, row, events, end - first, nowMs)
  }

  close(): void {
    this.#file.close()
  }
}
