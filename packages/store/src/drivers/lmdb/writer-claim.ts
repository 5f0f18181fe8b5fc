import { isAlive, thisProcess, type WritingProcess } from '../../claims/writing-process.ts'
import { StoreBusyError } from '../../validation/errors.ts'

/**
 * Checks the claim that is held in a store and returns the one to put in its place. Call inside the store's write transaction,
 * so that of two processes one sees the other's claim.
 *
 * @throws StoreBusyError while the holder lives
 */
export function renewClaim(path: string, held: Uint8Array | undefined): Uint8Array {
  if (held !== undefined) {
    const claimant: WritingProcess = JSON.parse(Buffer.from(held).toString())
    if (isAlive(claimant)) throw new StoreBusyError(path, claimant.pid)
  }
  return Buffer.from(JSON.stringify(thisProcess()))
}
