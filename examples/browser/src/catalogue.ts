import type { FeatureSpace, FieldValue } from '@headwater/features'
import { fetched } from './fetched.ts'

export type Values = Readonly<Record<string, FieldValue>>

export interface Item {
  readonly id: string
  /** Of its own fields, by their names. */
  readonly values: Values
}

/** What can be ranked, and what the server knew of it. */
export interface Catalogue {
  readonly items: readonly Item[]
  /** By the items' ids, of the space's `itemStateBytes`; to be copied before it is changed. */
  readonly states: ReadonlyMap<string, Uint8Array>
}

/** @throws Error where the catalogue is not served, or was made under another schema */
export async function loadCatalogue(model: string, { itemStateBytes: size }: FeatureSpace): Promise<Catalogue> {
  const [list, states] = await Promise.all([fetched(`${model}/catalogue.json`), fetched(`${model}/item-states.bin`)])
  const items: Item[] = await list.json()
  const bytes = new Uint8Array(await states.arrayBuffer())
  if (bytes.length !== items.length * size)
    throw new Error(
      'The items were prepared under another schema than the snapshot. Prepare both again: npm run model.',
    )
  return { items, states: new Map(items.map(({ id }, i) => [id, bytes.subarray(i * size, (i + 1) * size)])) }
}
