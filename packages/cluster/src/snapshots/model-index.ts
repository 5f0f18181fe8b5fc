/** What a publisher says of the snapshot that it serves. */
import { SnapshotFetchError } from '../node/errors.ts'

/** Of a snapshot; its own digest tells the snapshot from all others. */
export const checksumFile = 'SHA256SUMS'

export interface PublishedFile {
  readonly name: string
  /** Hex. */
  readonly sha256: string
  readonly sizeBytes: number
}

export interface ModelIndex {
  readonly format: 1
  /** Who publishes the model; another one's snapshots are not mixed with these. */
  readonly publisher: string
  readonly snapshot: number
  /** Who chose it. */
  readonly by: 'gate' | 'promote'
  readonly files: readonly PublishedFile[]
}

export const maxIndexBytes = 2 ** 20
const maxFiles = 32
/** Of a file: 64 GiB. */
const maxFileBytes = 2 ** 36

/** @throws SnapshotFetchError for what is none */
export function parseModelIndex(text: string, url: string): ModelIndex {
  const fail = (what: string) => new SnapshotFetchError(`${url} is no publisher of a model's snapshots: ${what}.`)
  let index: Partial<Record<keyof ModelIndex, unknown>>
  try {
    index = JSON.parse(text) ?? {}
  } catch {
    throw fail('its answer is no JSON')
  }
  const { format, publisher, snapshot, by, files } = index
  if (typeof format === 'number' && format > 1)
    throw new SnapshotFetchError(`${url} has format ${format}, this version reads 1; bring this machine up to date.`)
  if (format !== 1) throw fail('it names no format')
  if (typeof publisher !== 'string' || publisher === '' || publisher.length > 100) throw fail('it names no publisher')
  if (!Number.isInteger(snapshot) || Number(snapshot) < 1 || Number(snapshot) > 0xffff_ffff) throw fail('no snapshot')
  if (by !== 'gate' && by !== 'promote') throw fail('nobody chose the snapshot')
  if (!Array.isArray(files) || files.length > maxFiles || !files.every(isFile)) throw fail('its files are none')
  const names = new Set(files.map(({ name }) => name))
  if (names.size < files.length || !names.has(checksumFile)) throw fail(`its files lack ${checksumFile}, or repeat`)
  return { format, publisher, snapshot: Number(snapshot), by, files }
}

function isFile(value: unknown): value is PublishedFile {
  const { name, sha256, sizeBytes } = (value ?? {}) as Partial<Record<keyof PublishedFile, unknown>>
  const isNamed = typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9.]{0,63}$/.test(name)
  const isSummed = typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)
  return (
    isNamed && isSummed && Number.isInteger(sizeBytes) && Number(sizeBytes) >= 0 && Number(sizeBytes) <= maxFileBytes
  )
}
