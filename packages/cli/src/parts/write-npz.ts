import { open } from 'node:fs/promises'
import { halvesToFloats } from '@headwater/binary16'
import type { VectorType } from '@headwater/logs'
import type { NpyArray } from '@headwater/snapshot'

/** An array as it is, times of milliseconds since 1970, or binary16 as what is asked for. */
export type Column =
  | NpyArray
  | { readonly timesMs: Float64Array }
  | { readonly halves: Uint16Array; readonly vectorType: VectorType; readonly shape: readonly number[] }

/** Writes columns as arrays of an archive; resolves once it is on the disk. */
export async function writeNpz(path: string, columns: Readonly<Record<string, Column>>): Promise<void> {
  const [{ npz }, { microsOf }] = await Promise.all([import('@headwater/snapshot'), import('@headwater/logs')])
  const arrayOf = (column: Column): NpyArray => {
    if ('values' in column) return column
    if ('timesMs' in column) return { values: new BigInt64Array(microsOf(column.timesMs).buffer as ArrayBuffer) }
    const { halves, vectorType, shape } = column
    return { values: vectorType === 'float32' ? halvesToFloats(halves) : halves, shape }
  }
  const arrays = Object.entries(columns).map(([name, column]) => [name, arrayOf(column)] as const)
  const file = await open(path, 'w')
  try {
    await file.writeFile(npz(Object.fromEntries(arrays)))
    await file.datasync()
  } finally {
    await file.close()
  }
}
