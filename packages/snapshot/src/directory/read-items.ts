/** The item vectors of a snapshot alone: what serves them needs none of its weights. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeItems, type ItemVectors } from '../contents/item-vectors.ts'
import { sha256 } from '../files/digests.ts'
import { npz } from '../files/npz.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { unreadable } from './check-file.ts'
import { checkSum, readChecked, readFileOf } from './read-snapshot.ts'

export interface PublishedItems {
  readonly snapshot: number
  readonly frame: number
  readonly items: ItemVectors
  /** SHA-256, hex, of the vectors' bytes: little-endian f32, a row a bucket. */
  readonly digest: string
}

const itemsFile = 'items.safetensors'

/**
 * @param maxBytes of the file: a larger one is not read
 * @returns null where the snapshot publishes none
 * @throws SnapshotError for what is no whole snapshot, or too large a file; SafetensorsError
 */
export async function readItems(directory: string, maxBytes: number): Promise<PublishedItems | null> {
  const { manifest, sums } = await readChecked(directory)
  if (!sums.has(itemsFile)) return null
  const path = join(directory, itemsFile)
  const { size } = await stat(path).catch((cause: unknown) => {
    throw unreadable(directory, itemsFile, cause)
  })
  if (size > maxBytes)
    throw new SnapshotError(
      `${directory} has ${size} bytes of item vectors, more than the ${maxBytes} that are read. Allow more.`,
    )
  const file = checkSum(directory, itemsFile, await readFileOf(directory, itemsFile), sums.get(itemsFile))
  const items = decodeItems(file, manifest.layout ?? null, path)
  const { buffer, byteOffset, byteLength } = items.table
  const digest = sha256(new Uint8Array(buffer, byteOffset, byteLength))
  return { snapshot: manifest.snapshot, frame: manifest.frame, items, digest }
}

/**
 * Item vectors as NumPy reads them, with where their coefficients stand: `y[intercepts] + y[coefficients] @ vectors[bucket]` are the
 * scores of an embedding y.
 *
 * - `vectors` [B, U] f32 and `digest` [], the SHA-256 of its bytes
 * - `coefficients` [H, U] and `intercepts` [H] u32, numbers of an embedding; `learnt` [] u32, how many come first
 * - `snapshot` and `frame` [] u32
 */
export function itemArchive({ snapshot, frame, items, digest }: PublishedItems): Uint8Array {
  const { learnt, width, heads } = items.layout
  const one = (value: number) => ({ values: Uint32Array.of(value), shape: [] })
  const coefficients = heads.flatMap((head) => Array.from({ length: width }, (_, i) => head.coefficients + i))
  return npz({
    vectors: { values: items.table, shape: [items.buckets, width] },
    digest: { values: [digest], shape: [] },
    coefficients: { values: Uint32Array.from(coefficients), shape: [heads.length, width] },
    intercepts: { values: Uint32Array.from(heads, ({ intercept }) => intercept) },
    learnt: one(learnt),
    snapshot: one(snapshot),
    frame: one(frame),
  })
}
