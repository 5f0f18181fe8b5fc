/** Reads of one tick, made one call. U users of a call. */

import { BadRequestError } from '../transport/errors.ts'
import type { AnsweredModel, ReadAnswer } from './read-answer.ts'

export interface WantedRead {
  readonly users: readonly string[]
  readonly models: readonly string[]
  /** A segment, or null, a user; or null where no user has one. */
  readonly segments: readonly (string | null)[] | null
  readonly latest: boolean
  /** The caller's name of the request that it is part of, or null. */
  readonly request: string | null
  readonly deadlineMs: number
}

interface Waiting extends WantedRead {
  resolve(answer: ReadAnswer): void
  reject(error: unknown): void
}

// Node's runs once all that is ready has run, and so gathers the reads of all callbacks of the moment.
const later: (run: () => void) => void =
  (globalThis as { setImmediate?: (run: () => void) => void }).setImmediate ?? queueMicrotask

/** Gathers reads of the same models and request and sends them together, at most `maxUsers` a call. */
export class ReadBatcher {
  readonly #send: (read: WantedRead) => Promise<ReadAnswer>
  readonly #maxUsers: number
  #waiting: Waiting[] = []

  constructor(send: (read: WantedRead) => Promise<ReadAnswer>, maxUsers: number) {
    this.#send = send
    this.#maxUsers = maxUsers
  }

  read(read: WantedRead): Promise<ReadAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ ...read, resolve, reject }) === 1) later(() => this.#flush())
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const calls: Waiting[][] = []
    /** The call that reads of a kind fill now, and its users. */
    const filling = new Map<string, { readonly call: Waiting[]; users: number }>()
    for (const each of waiting) {
      const kind = JSON.stringify([each.latest, each.request, each.models])
      let filled = filling.get(kind)
      if (filled === undefined || filled.users + each.users.length > this.#maxUsers) {
        filled = { call: [], users: 0 }
        filling.set(kind, filled)
        calls.push(filled.call)
      }
      filled.call.push(each)
      filled.users += each.users.length
    }
    for (const call of calls) void this.#answer(call)
  }

  /** Sends a call and hands each of its reads the rows that are its own. */
  async #answer(call: readonly Waiting[]): Promise<void> {
    const [{ models, latest, request }] = call
    const users = call.length === 1 ? call[0].users : call.flatMap((each) => each.users)
    const segments = call.some((each) => each.segments !== null) ? call.flatMap(segmentsOf) : null
    // The longest deadline of all; who has a shorter one stops waiting by itself.
    const deadlineMs = Math.max(...call.map((each) => each.deadlineMs))
    try {
      const answer = await this.#send({ users, models, segments, latest, request, deadlineMs })
      let row = 0
      for (const each of call) {
        each.resolve(call.length === 1 ? answer : rowsOf(answer, row, each.users.length))
        row += each.users.length
      }
    } catch (error) {
      if (call.length > 1 && error instanceof BadRequestError) {
        // One read's bad key is no other's fault.
        for (const each of call) void this.#answer([each])
        return
      }
      for (const { reject } of call) reject(error)
    }
  }
}

function segmentsOf({ users, segments }: WantedRead): readonly (string | null)[] {
  return segments ?? users.map(() => null)
}

/** Some rows of an answer, in the same memory. */
function rowsOf({ servedMs, models }: ReadAnswer, from: number, rows: number): ReadAnswer {
  const to = from + rows
  return {
    servedMs,
    models: models.map((each): AnsweredModel => {
      const { dim } = each
      return {
        ...each,
        vectors: each.vectors.subarray(from * dim, to * dim),
        latest: each.latest?.subarray(from * dim, to * dim) ?? null,
        status: each.status.subarray(from, to),
        snapshot: each.snapshot.subarray(from, to),
        frame: each.frame.subarray(from, to),
        featureTimeMs: each.featureTimeMs.subarray(from, to),
        ageMs: each.ageMs.subarray(from, to),
      }
    }),
  }
}
