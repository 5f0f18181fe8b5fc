import { RequestError } from '../validation/errors.ts'
import { allocateRecord, checkRecord, headerBytes, sealRecord } from './record.ts'

export type StateKind = 'user' | 'item'

const maxStateBytes = 2 ** 24

/** @throws RequestError */
export function checkState(kind: StateKind, state: Uint8Array, row: number): void {
  if (!(state instanceof Uint8Array)) {
    throw new RequestError(`a state of group ${row} is no Uint8Array; give its bytes`)
  }
  if (state.length <= maxStateBytes) return
  throw new RequestError(
    `a state of group ${row} has ${state.length} bytes, over the limit of ${maxStateBytes}; ` +
      `keep of ${kind === 'user' ? 'a user' : 'an item'} what features need`,
  )
}

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
