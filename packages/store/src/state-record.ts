import { allocateRecord, checkRecord, headerBytes, sealRecord } from './record.ts'

export type StateKind = 'user' | 'item'

/** A record around a state, whose bytes mean nothing to the store. @param seed of its address */
export function encodeState(kind: StateKind, state: Uint8Array, version: number, seed: number): Uint8Array {
  const record = allocateRecord(state.length)
  record.set(state, headerBytes)
  sealRecord(record, kind, version, seed)
  return record
}

/** A copy of the state in a record. @throws StoreFormatError, StoreCorruptError */
export function decodeState(kind: StateKind, record: Uint8Array, seed: number): Uint8Array {
  checkRecord(record, kind, seed)
  // Not `slice`: a Buffer's would share memory.
  return new Uint8Array(record.subarray(headerBytes))
}
