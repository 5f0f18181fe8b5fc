import { digestOf } from '../../record/tombstone.ts'
import { Exchange, type Rows } from './exchange.ts'
import { hashPrefix, type Kind } from './layout.ts'
import { rowState } from './piece.ts'
import { bulk, type Reply } from './request.ts'
import { slotOf } from './slots.ts'
import type { Topology } from './topology.ts'

/** More are read in slices, so that neither requests nor replies pile up. A user's events may be long. */
export const mostRowsAtOnce = 8_192
export const mostEventsAtOnce = 512

/** Digests of keys, with their slots. R = rows. */
export class Digests {
  readonly digests: readonly string[]
  /** [R] */
  readonly slots: Uint16Array

  constructor(digests: readonly string[]) {
    this.digests = digests
    this.slots = new Uint16Array(digests.length)
    for (let row = 0; row < digests.length; row++) this.slots[row] = slotOf(digests[row])
  }

  static of(tenant: string, keys: readonly string[]): Digests {
    return new Digests(keys.map((key) => digestOf(tenant, key)))
  }
}

/** `HMGET` of the same fields for each row. */
export class FieldsRequest implements Rows {
  readonly count: number
  readonly slots: Uint16Array
  readonly #digests: readonly string[]
  readonly #head: string
  readonly #prefix: string
  readonly #tail: string

  constructor(tenant: string, kind: Kind, { digests, slots }: Digests, fields: readonly string[]) {
    const prefix = hashPrefix(tenant, kind)
    this.count = digests.length
    this.slots = slots
    this.#digests = digests
    this.#head = `*${2 + fields.length}\r\n${bulk('HMGET')}$`
    this.#prefix = prefix
    this.#tail = `}\r\n${fields.map(bulk).join('')}`
  }

  request(row: number): string {
    const digest = this.#digests[row]
    // Names are ASCII, so that their characters are their bytes.
    return `${this.#head}${this.#prefix.length + digest.length + 1}\r\n${this.#prefix}${digest}${this.#tail}`
  }
}

/** [R] replies, undefined where no server answered in time. Never throws for lack of an answer. */
export async function readAvailable(
  topology: Topology,
  rows: Rows,
  timeoutMs: number,
): Promise<readonly (Reply | undefined)[]> {
  const exchange = new Exchange(topology, rows, { purpose: 'available', timeoutMs })
  await exchange.run()
  return exchange.replies
}

/** [R] replies of the masters; `missing` counts rows without one. */
export async function readNewest(
  topology: Topology,
  rows: Rows,
  timeoutMs: number,
): Promise<{ replies: readonly (Reply | undefined)[]; missing: number }> {
  const exchange = new Exchange(topology, rows, { purpose: 'newest', timeoutMs })
  await exchange.run()
  const missing = exchange.states.reduce((count, state) => count + (state === rowState.answered ? 0 : 1), 0)
  return { replies: exchange.replies, missing }
}
