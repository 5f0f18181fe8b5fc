import { StoreUnavailableError } from '../../validation/errors.ts'
import { Exchange, type Rows } from './exchange.ts'
import { hashPrefix, type Kind } from './layout.ts'
import { bulk, type Reply } from './request.ts'
import { slotOf } from './slots.ts'
import type { Topology } from './topology.ts'
import type { ValkeyOptions } from './valkey-url.ts'

type Patience = Pick<ValkeyOptions, 'patienceMs' | 'mostMs'>

/** More are read in slices, so that neither requests nor replies pile up. A user's events may be long. */
export const mostRowsAtOnce = 8_192
export const mostEventsAtOnce = 512

/** `HMGET` of the same fields for each digest. */
export function fieldsRequest(tenant: string, kind: Kind, digests: readonly string[], fields: readonly string[]): Rows {
  const prefix = hashPrefix(tenant, kind)
  const head = `*${2 + fields.length}\r\n${bulk('HMGET')}$`
  const tail = `}\r\n${fields.map(bulk).join('')}`
  return {
    count: digests.length,
    slots: Uint16Array.from(digests, slotOf),
    // Names are ASCII, so that their characters are their bytes.
    request: (row) => `${head}${prefix.length + digests[row].length + 1}\r\n${prefix}${digests[row]}${tail}`,
  }
}

/** [R] replies, undefined where no server answered in time. Never throws for lack of an answer. */
export async function readAvailable(
  topology: Topology,
  rows: Rows,
  timeoutMs: number,
): Promise<readonly (Reply | undefined)[]> {
  return (await new Exchange(topology, rows, { purpose: 'available', timeoutMs }).run()).replies
}

/** [R] replies of the masters, undefined where one does not answer in time. */
export async function readMasters(
  topology: Topology,
  rows: Rows,
  { patienceMs, mostMs }: Patience,
): Promise<readonly (Reply | undefined)[]> {
  return (await new Exchange(topology, rows, { purpose: 'newest', timeoutMs: patienceMs, mostMs }).run()).replies
}

/** [R] replies of the masters. @throws StoreUnavailableError where one of them does not answer in time */
export async function readNewest(topology: Topology, rows: Rows, patience: Patience): Promise<readonly Reply[]> {
  const replies = await readMasters(topology, rows, patience)
  const missing = replies.filter((reply) => reply === undefined).length
  if (missing === 0) return replies as readonly Reply[]
  throw new StoreUnavailableError(
    `${missing} of ${rows.count} reads have no answer of a Valkey master, which was silent for ` +
      `${patience.patienceMs} ms before or is down; try again once it is back`,
  )
}
