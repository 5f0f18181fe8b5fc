/**
 * The panel in a snapshot: user rows as the tower takes them, without a key of a user.
 * Shape letters: U users, D dense width, M values a bag at most, L sequence length, C channels.
 */
import type { SideBatch, SideLayout } from '@headwater/features'
import { type AnyMatrix, decodeMixedSafetensors, encodeSafetensors } from './safetensors.ts'
import { SnapshotError } from './snapshot-error.ts'

/** More users than any panel has; bounds what a file can ask for. */
const maxUsers = 2 ** 20

/** @param batch rows of one layout, U of them. @throws SafetensorsError for values that are not finite. */
export function encodePanel(layout: SideLayout, { rows, dense, bags, sequence }: SideBatch): Uint8Array {
  const matrix = <Data extends Float32Array | Uint32Array>(name: string, cols: number, data: Data) => ({
    name,
    rows,
    cols,
    data: data.subarray(0, rows * cols) as Data,
  })
  const matrices: AnyMatrix[] = [matrix('dense', layout.dense.length, dense)]
  for (const [i, { name, maxValues }] of layout.bags.entries())
    matrices.push(matrix(`bag.${name}.ids`, maxValues, bags[i].ids), matrix(`bag.${name}.lengths`, 1, bags[i].lengths))
  if (layout.sequence && sequence) {
    const { length, channels, categories } = layout.sequence
    matrices.push(
      matrix('sequence.ids', length, sequence.ids),
      matrix('sequence.channels', length * channels, sequence.channels),
      matrix('sequence.lengths', 1, sequence.lengths),
      ...categories.map(({ name }, i) => matrix(`sequence.${name}.ids`, length, sequence.categories[i])),
    )
  }
  return encodeSafetensors(matrices, {})
}

/** @throws SafetensorsError, or SnapshotError where a tensor is missing, of another shape, or holds an id out of range. */
export function decodePanel(layout: SideLayout, file: Uint8Array, source: string): SideBatch {
  const matrices = decodeMixedSafetensors(file, source)
  const rows = matrices.get('dense')?.rows ?? 0
  const fail = (what: string) => new SnapshotError(`${source}: ${what}. Publish the snapshot again.`)
  if (rows < 1 || rows > maxUsers) throw fail(`${rows} users, not 1 to ${maxUsers.toLocaleString('en')}`)
  const find = (name: string, cols: number) => {
    const matrix = matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== cols) throw fail(`tensor ${name} is missing or not ${rows} × ${cols}`)
    return matrix.data
  }
  const floats = (name: string, cols: number) => {
    const data = find(name, cols)
    if (!(data instanceof Float32Array)) throw fail(`tensor ${name} is not F32`)
    return data
  }
  const integers = (name: string, cols: number, most: number) => {
    const data = find(name, cols)
    if (!(data instanceof Uint32Array)) throw fail(`tensor ${name} is not U32`)
    if (data.some((value) => value > most)) throw fail(`tensor ${name} holds a value over ${most}`)
    return data
  }
  const { sequence } = layout
  return {
    rows,
    dense: floats('dense', layout.dense.length),
    bags: layout.bags.map(({ name, buckets, maxValues }) => ({
      ids: integers(`bag.${name}.ids`, maxValues, buckets - 1),
      lengths: integers(`bag.${name}.lengths`, 1, maxValues),
    })),
    sequence: sequence && {
      ids: integers('sequence.ids', sequence.length, sequence.buckets - 1),
      channels: floats('sequence.channels', sequence.length * sequence.channels),
      lengths: integers('sequence.lengths', 1, sequence.length),
      categories: sequence.categories.map(({ name, buckets }) =>
        integers(`sequence.${name}.ids`, sequence.length, buckets - 1),
      ),
    },
  }
}
