import { createHash } from 'node:crypto'
import { encodeSums, panelFile } from './checksums.ts'

/** Hex. */
export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

/**
 * Tells a snapshot from all others of its number: SHA-256, hex, of its list of checksums without that of the panel, which changes
 * where a user is forgotten. @param sums hex, by file name
 */
export function contentDigest(sums: ReadonlyMap<string, string>): string {
  const lasting = new Map(sums)
  lasting.delete(panelFile)
  return sha256(encodeSums(lasting))
}
