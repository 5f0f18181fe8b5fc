/** Buckets as rows of a model's table. */
import { Vocabulary } from '../vocabulary/vocabulary.ts'
import type { FillerContext } from './filler.ts'

interface Rows {
  readonly vocabulary?: string | undefined
  readonly padding?: number | undefined
  readonly unknown?: number | undefined
  readonly first?: number | undefined
}

export interface TableRows {
  readonly padding: number
  /** Of a bucket of the schema; 0 is that of a missing value. */
  rowOf(bucket: number): number
  readonly vocabulary: Vocabulary | null
  readonly extremes: readonly number[]
}

/** Part of a vocabulary's keys that may share a hash with another. */
const mostShared = 0.01

/** @param field whose hashes they are @param missing row of bucket 0: a value that is missing where a key would be */
export function tableRows(rows: Rows, field: string, buckets: number, context: FillerContext): TableRows {
  const { padding = 0, unknown = 1, first = 2 } = rows
  if (rows.vocabulary === undefined) {
    if (rows.unknown !== undefined || rows.first !== undefined)
      throw context.fail('"unknown" and "first" belong to a vocabulary', 'name one, or leave them out')
    return { padding, rowOf: (bucket) => bucket, vocabulary: null, extremes: [padding, buckets - 1] }
  }
  const keys = context.keys.get(rows.vocabulary) ?? []
  const vocabulary = new Vocabulary(keys, field, buckets)
  const last = first + keys.length - 1
  for (const [what, row] of Object.entries({ padding, unknown }))
    if (row >= first && row <= last)
      throw context.fail(`row ${row}, ${what}, is that of a key`, `the vocabulary has rows ${first} to ${last}`)
  if (vocabulary.shared > mostShared * keys.length)
    throw context.fail(
      `${vocabulary.shared} of the vocabulary's ${keys.length} keys share a hash with another`,
      `raise the schema's "buckets" of "${field}" over ${buckets}`,
    )
  const rowOf = (bucket: number) => {
    const place = bucket === 0 ? undefined : vocabulary.placeOf(bucket)
    return place === undefined ? unknown : first + place
  }
  return { padding, rowOf, vocabulary, extremes: [padding, unknown, last] }
}
