/** What a browser can do with a snapshot: read it by its URL, or from its bytes. */
export { inverseAlignment } from './contents/alignment.ts'
export { ItemVectors } from './contents/item-vectors.ts'
export { decodeSnapshot } from './directory/decode-snapshot.ts'
export { readSnapshot } from './directory/fetch-snapshot.ts'
export { decodeSafetensors, encodeSafetensors, SafetensorsError } from './files/safetensors.ts'
export { SnapshotError } from './files/snapshot-error.ts'
