/**
 * A walk over every page that an LMDB file's trees reach, which needs none of LMDB: it follows offsets and page numbers
 * unchecked, so that a file with a few flipped bytes may end the process. What records hold is not looked at; their own
 * checksums tell of that.
 *
 * A page: 0 u64 its number     8 u64 transaction     18 u16 flags     20 u16 lower     22 u16 upper     24 u16 offsets [lower / 2]
 * A node, at an offset that counts from byte 24: 0 u32 data size or child (48 bits in a branch)     4 u16 flags
 *   6 u16 key size     8 key, data; data on pages of its own is given by u64 first page, u64 transaction, u64 pages
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { corrupt, type LmdbMeta, type LmdbTree, pageHeaderBytes, parseTree, readMeta } from './meta.ts'

const branchFlag = 0x01
const leafFlag = 0x02
const overflowFlag = 0x04
const bigData = 0x01
const subData = 0x02
const nodeHeaderBytes = 8
/** What stands in a node in place of data that has pages of its own. */
const bigDataBytes = 24
/** Pages between two turns of the event loop. */
const turnPages = 64

/**
 * Checks the pages of the newest snapshot: `all` of them, or `few`, which are the ones that LMDB needs to open a store and
 * claim it. While another process writes, hold a read transaction meanwhile, so that no page is written anew.
 *
 * @throws StoreCorruptError
 */
export async function checkPages(path: string, dataPath: string, which: 'all' | 'few'): Promise<void> {
  const file = openSync(dataPath, 'r')
  try {
    const meta = readMeta(path, file)
    const checkTree = pageWalk(path, file, meta)
    const databases: LmdbTree[] = []
    await checkTree(meta.free, false)
    await checkTree(meta.main, true, databases)
    for (const database of databases) if (which === 'all' || database.depth <= 1) await checkTree(database, true)
  } finally {
    closeSync(file)
  }
}

/** @returns what checks all pages of a tree and adds the databases that it names to a list */
function pageWalk(path: string, file: number, { lastPage, pageBytes }: LmdbMeta) {
  const seen = new Uint8Array(lastPage + 1)
  let visited = 0

  /** Each page has one place. */
  const claim = (page: number): void => {
    if (!(page > 1 && page <= lastPage)) throw corrupt(path, `page ${page} does not exist`)
    if (seen[page] === 1) throw corrupt(path, `page ${page} is in two places`)
    seen[page] = 1
  }

  const read = (page: number, flag: number): Buffer => {
    claim(page)
    const bytes = Buffer.allocUnsafe(pageBytes)
    if (readSync(file, bytes, 0, pageBytes, page * pageBytes) < pageBytes) {
      throw corrupt(path, `page ${page} lies beyond the end of the file, which was cut short`)
    }
    const kind = bytes.readUInt16LE(18) & (branchFlag | leafFlag | overflowFlag)
    if (Number(bytes.readBigUInt64LE(0)) !== page || kind !== flag) {
      throw corrupt(path, `page ${page} is not what leads to it takes it for`)
    }
    return bytes
  }

  /** Where a page's nodes begin; they fill it from its upper bound to its end. */
  const nodesOf = (page: number, bytes: Buffer, isLeaf: boolean): number[] => {
    const lower = bytes.readUInt16LE(20)
    const upper = bytes.readUInt16LE(22)
    if (lower < 2 || lower % 2 !== 0 || lower > upper || upper > bytes.length - pageHeaderBytes) {
      throw corrupt(path, `page ${page} has bounds that do not fit it`)
    }
    const nodes: number[] = []
    let nodesBytes = 0
    for (let i = 0; i < lower / 2; i++) {
      const offset = bytes.readUInt16LE(pageHeaderBytes + 2 * i)
      const at = offset + pageHeaderBytes
      if (offset < upper || at + nodeHeaderBytes > bytes.length) {
        throw corrupt(path, `page ${page} has a node outside it`)
      }
      const isBig = (bytes.readUInt16LE(at + 4) & bigData) !== 0
      const dataBytes = isLeaf ? (isBig ? bigDataBytes : bytes.readUInt32LE(at)) : 0
      const nodeBytes = nodeHeaderBytes + bytes.readUInt16LE(at + 6) + dataBytes
      if (at + nodeBytes > bytes.length) throw corrupt(path, `a node of page ${page} reaches beyond it`)
      nodes.push(at)
      // Nodes start at even bytes.
      nodesBytes += nodeBytes + (nodeBytes & 1)
    }
    if (nodesBytes !== bytes.length - pageHeaderBytes - upper) {
      throw corrupt(path, `the nodes of page ${page} have sizes that do not fill it`)
    }
    return nodes
  }

  /** Checks a leaf's node and gives its key. */
  const keyOf = (page: number, bytes: Buffer, at: number, databases?: LmdbTree[]): Buffer => {
    const dataBytes = bytes.readUInt32LE(at)
    const flags = bytes.readUInt16LE(at + 4)
    const dataAt = at + nodeHeaderBytes + bytes.readUInt16LE(at + 6)
    if ((flags & bigData) !== 0) {
      const first = Number(bytes.readBigUInt64LE(dataAt))
      const pages = Number(bytes.readBigUInt64LE(dataAt + 16))
      if (pages < 1 || pageHeaderBytes + dataBytes > pages * pageBytes) {
        throw corrupt(path, `a record of page ${page} does not fit its own pages`)
      }
      read(first, overflowFlag)
      for (let p = first + 1; p < first + pages; p++) claim(p)
    }
    if (databases !== undefined && (flags & subData) !== 0) {
      if (dataBytes !== 48) throw corrupt(path, 'the description of a database has another size')
      databases.push(parseTree(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), dataAt))
    }
    return Buffer.from(bytes.subarray(at + nodeHeaderBytes, dataAt))
  }

  /** @param ordered whether keys are in the order of their bytes */
  return async ({ root, depth, entries }: LmdbTree, ordered: boolean, databases?: LmdbTree[]): Promise<void> => {
    let counted = 0
    let last: Buffer | null = null
    /** Pages to visit, the next one last; level 1 is the leaves'. */
    const waiting = root === -1 ? [] : [{ page: root, level: depth }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { page, level } = next
      if (++visited % turnPages === 0) await setImmediate()
      const bytes = read(page, level === 1 ? leafFlag : branchFlag)
      const nodes = nodesOf(page, bytes, level === 1)
      if (level > 1) {
        for (const at of nodes.reverse()) {
          waiting.push({ page: bytes.readUInt32LE(at) + bytes.readUInt16LE(at + 4) * 2 ** 32, level: level - 1 })
        }
        continue
      }
      counted += nodes.length
      for (const at of nodes) {
        const key = keyOf(page, bytes, at, databases)
        if (ordered && last !== null && Buffer.compare(last, key) >= 0) {
          throw corrupt(path, `the keys of page ${page} are out of order`)
        }
        last = key
      }
    }
    if (counted !== entries) throw corrupt(path, `a tree that counts ${entries} entries holds ${counted}`)
  }
}
