/**
 * The two meta pages that an LMDB file begins with, read past LMDB: it trusts them, takes them for what they are where
 * they are damaged, and ends the process where they lead it beyond the file. All little-endian, as x86-64 and ARM write it:
 *
 *  0 24 bytes page header: 18 u16 flags
 * 24 u32 magic     28 u32 format     32 u64 zero     40 u64 map size
 * 48 and 96 the trees of free pages and of named databases, each: u32 page size (of the first), u16 flags, u16 depth,
 *    u64 branch pages, u64 leaf pages, u64 overflow pages, u64 entries, u64 root page
 * 144 u64 last page     152 u64 number of the transaction that wrote it     160 u64 the machine's boot
 *
 * Transaction N writes meta page N % 2.
 */
import { readSync } from 'node:fs'
import { StoreCorruptError } from '../../validation/errors.ts'

export interface LmdbTree {
  readonly depth: number
  readonly entries: number
  /** −1 where the tree is empty. */
  readonly root: number
}

export interface LmdbMeta {
  readonly pageBytes: number
  readonly free: LmdbTree
  /** Its records are the named databases' trees. */
  readonly main: LmdbTree
  readonly lastPage: number
  readonly transaction: number
}

export const pageHeaderBytes = 24
const metaBytes = 168
const metaFlag = 0x08
const magic = 0xbeefc0de
const format = 2

/**
 * The newer of the meta pages, both checked.
 *
 * @param file descriptor of the data file, which is not empty
 * @throws StoreCorruptError
 */
export function readMeta(path: string, file: number): LmdbMeta {
  const first = parseMeta(path, file, 0)
  const second = parseMeta(path, file, first.pageBytes)
  const [older, newer] = first.transaction > second.transaction ? [second, first] : [first, second]
  const fits =
    newer.pageBytes === older.pageBytes &&
    newer.transaction - older.transaction <= 1 &&
    newer.lastPage >= older.lastPage
  if (!fits) throw corrupt(path, 'its two meta pages do not fit each other')
  return newer
}

export function corrupt(path: string, what: string): StoreCorruptError {
  return new StoreCorruptError(`store ${path} is damaged: ${what}; restore a backup`)
}

/** A tree's root, depth and number of entries, from the 48 bytes that describe it. */
export function parseTree(bytes: DataView, at: number): LmdbTree {
  return {
    depth: bytes.getUint16(at + 6, true),
    entries: Number(bytes.getBigUint64(at + 32, true)),
    root: Number(bytes.getBigInt64(at + 40, true)),
  }
}

function parseMeta(path: string, file: number, position: number): LmdbMeta {
  const bytes = new DataView(new ArrayBuffer(metaBytes))
  if (readSync(file, bytes, 0, metaBytes, position) < metaBytes) throw corrupt(path, 'it ends within its meta pages')
  const flags = bytes.getUint16(18, true)
  if ((flags & metaFlag) === 0 || bytes.getUint32(24, true) !== magic) throw corrupt(path, 'it is no LMDB file')
  if (bytes.getUint32(28, true) !== format) throw corrupt(path, `its LMDB format is not ${format}`)
  const pageBytes = bytes.getUint32(48, true)
  if (pageBytes < 256 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
    throw corrupt(path, `its page size is ${pageBytes}`)
  }
  const free = parseTree(bytes, 48)
  const main = parseTree(bytes, 96)
  const lastPage = Number(bytes.getBigUint64(144, true))
  const mapBytes = Number(bytes.getBigUint64(40, true))
  if ((lastPage + 1) * pageBytes > mapBytes)
    throw corrupt(path, `a meta page counts ${lastPage} pages in too small a map`)
  for (const { root } of [free, main]) {
    if (root !== -1 && !(root > 1 && root <= lastPage)) throw corrupt(path, `a meta page leads to page ${root}`)
  }
  return { pageBytes, free, main, lastPage, transaction: Number(bytes.getBigUint64(152, true)) }
}
