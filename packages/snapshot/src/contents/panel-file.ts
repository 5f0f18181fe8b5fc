/**
 * The panel in a snapshot: user rows as the tower takes them, without a key of a user; a hash says whose they are.
 * Shape letters: U users, D dense width, M values a bag at most, L sequence length, C channels.
 */
import type { FileHandle } from 'node:fs/promises'
import { arraysOf, batchArrays, batchOf, murmur3, type SideBatch, type SideLayout } from '@headwater/features'
import { type AnyMatrix, decodeMixedSafetensors, encodeSafetensors, maxHeaderBytes } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'

/** More users than any panel has; bounds what a file can ask for. */
const maxUsers = 2 ** 20

/**
 * @param batch rows of one layout, U of them
 * @param users [U, 2] as `panelUserHash` gives them; null where it is not known whose rows they are
 * @throws SafetensorsError for values that are not finite.
 */
export function encodePanel(layout: SideLayout, batch: SideBatch, users: Uint32Array | null = null): Uint8Array {
  const { rows } = batch
  const arrays = arraysOf(batch)
  const matrices = batchArrays(layout).map(
    ({ name, width }, i) => ({ name, rows, cols: width, data: arrays[i].subarray(0, rows * width) }) as AnyMatrix,
  )
  if (users !== null) matrices.push({ name: userTensor, rows, cols: 2, data: users })
  return encodeSafetensors(matrices, {})
}

const userTensor = 'user'

/** 64 bits of hash of a user's key, by which the user's row is found. The key cannot be read from them. */
export function panelUserHash(user: string): readonly [number, number] {
  return [murmur3(user, 0x70616e65), murmur3(user, 0x6c757372)]
}

/** The hash as 16 hexadecimal digits. */
export function panelUserText(hash: readonly [number, number]): string {
  return hash.map((half) => half.toString(16).padStart(8, '0')).join('')
}

/** Whether an open panel file has a row of a user: its header and the hashes are read, and nothing else. */
export async function holdsUser(file: FileHandle, user: string): Promise<boolean> {
  const read = async (from: number, length: number) => (await file.read(Buffer.alloc(length), 0, length, from)).buffer
  const headerBytes = Number((await read(0, 8)).readBigUInt64LE())
  // A damaged file is reported by readers of the panel.
  if (headerBytes > maxHeaderBytes) return false
  const tensor = userTensorOf((await read(8, headerBytes)).toString('utf8'))
  const [from = 0, to = 0] = tensor?.data_offsets ?? []
  if (!(to > from && to - from <= 8 * maxUsers)) return false
  const hashes = await read(8 + headerBytes + from, to - from)
  const [high, low] = panelUserHash(user)
  for (let at = 0; at + 8 <= hashes.length; at += 8)
    if (hashes.readUInt32LE(at) === high && hashes.readUInt32LE(at + 4) === low) return true
  return false
}

/** Of a header; undefined where it has none, or is damaged. */
function userTensorOf(header: string): { readonly data_offsets?: readonly [number, number] } | undefined {
  try {
    return JSON.parse(header)[userTensor]
  } catch {
    return undefined
  }
}

/**
 * A panel file without the rows of some users.
 * @param users as `panelUserText` gives them
 * @returns the bytes, null where no row is left, and the number of rows that were removed
 * @throws SafetensorsError for a file that is none
 */
export function withoutUsers(
  file: Uint8Array,
  users: ReadonlySet<string>,
  source: string,
): { file: Uint8Array | null; removed: number } {
  const matrices = decodeMixedSafetensors(file, source)
  const hashes = matrices.get(userTensor)
  if (hashes === undefined || hashes.cols !== 2) return { file, removed: 0 }
  const rows = Array.from({ length: hashes.rows }, (_, row) => row)
  const kept = rows.filter((row) => !users.has(panelUserText([hashes.data[2 * row], hashes.data[2 * row + 1]])))
  const removed = hashes.rows - kept.length
  if (removed === 0 || kept.length === 0) return { file: removed === 0 ? file : null, removed }
  const cut = [...matrices].map(([name, { cols, data }]): AnyMatrix => {
    const of = data.constructor as new (length: number) => typeof data
    const left = new of(kept.length * cols)
    for (const [i, row] of kept.entries()) left.set(data.subarray(row * cols, (row + 1) * cols), i * cols)
    return { name, rows: kept.length, cols, data: left } as AnyMatrix
  })
  return { file: encodeSafetensors(cut, {}), removed }
}

/** [U, 2] whose rows they are; null of a panel of an earlier version. @throws SafetensorsError */
export function decodePanelUsers(file: Uint8Array, source: string): Uint32Array | null {
  const data = decodeMixedSafetensors(file, source).get(userTensor)?.data
  return data instanceof Uint32Array ? data : null
}

/** @throws SafetensorsError, or SnapshotError where a tensor is missing, of another shape, or holds an id out of range. */
export function decodePanel(layout: SideLayout, file: Uint8Array, source: string): SideBatch {
  const matrices = decodeMixedSafetensors(file, source)
  const rows = matrices.get('dense')?.rows ?? 0
  const fail = (what: string) => new SnapshotError(`${source}: ${what}. Publish the snapshot again.`)
  if (rows < 1 || rows > maxUsers) throw fail(`${rows} users, not 1 to ${maxUsers.toLocaleString('en')}`)
  return batchOf(layout, rows, ({ name, type, width, most }) => {
    const matrix = matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== width)
      throw fail(`tensor ${name} is missing or not ${rows} × ${width}`)
    const { data } = matrix
    if (data instanceof Float32Array !== (type === 'f32')) throw fail(`tensor ${name} is not ${type.toUpperCase()}`)
    if (data.some((value) => value > most)) throw fail(`tensor ${name} holds a value over ${most}`)
    return data
  })
}
