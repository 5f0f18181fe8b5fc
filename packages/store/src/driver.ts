import type { Table } from './record.ts'
import type { StateKind } from './state-record.ts'

/** A record to be set if the one held now has version `expected`; 0 stands for none. */
export interface RecordWrite {
  readonly table: Table
  /** User or item. */
  readonly key: string
  /** Rings only. */
  readonly model?: string
  readonly expected: number
  readonly record: Uint8Array
}

/**
 * What holds the records. It knows addresses and versions; what records mean is the matter of the layer above, so that
 * all drivers share one behaviour. Keys have been checked. Records passed to a visitor are valid during its call only;
 * records passed to `write` belong to the driver.
 */
export interface Driver {
  /** One round trip; `visit` is called once a (user, model) with their places in the request. */
  readRings(
    tenant: string,
    users: readonly string[],
    models: readonly string[],
    visit: (user: number, model: number, record: Uint8Array | undefined) => void,
  ): Promise<void>
  /** One round trip; `visit` is called once a key with its place in the request. */
  readStates(
    tenant: string,
    kind: StateKind,
    keys: readonly string[],
    visit: (place: number, record: Uint8Array | undefined) => void,
  ): Promise<void>
  /** Writes each group whole or not at all, in order; 1 where it was written, 0 where a version had moved on. */
  write(tenant: string, groups: readonly (readonly RecordWrite[])[]): Promise<Uint8Array>
  /** Removes a user's state and rings in one atomic step. */
  removeUser(tenant: string, user: string): Promise<RemovedUser>
  /** Keys that have a state, in the byte order of their UTF-8. Keys that come or go meanwhile may be left out. */
  keys(tenant: string, kind: StateKind): AsyncIterable<string>
  /** All records of all tenants, for checks; valid until the next step. */
  records(): AsyncIterable<StoredRecord>
  flushed(): Promise<void>
  close(): Promise<void>
}

export interface RemovedUser {
  readonly rings: number
  readonly states: number
}

export interface StoredRecord {
  readonly table: Table
  /** Tenant, key and model as they are stored, for messages. */
  readonly address: string
  readonly record: Uint8Array
}
