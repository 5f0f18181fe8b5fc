/**
 * Keys and the rows that a model has for them. A user's state holds hashes of keys, so that a model with another vocabulary can follow
 * without any state being made anew: a vocabulary finds rows by the same hash. Two keys of one hash have one row, that of the first.
 */
import { readFile } from 'node:fs/promises'
import { bucketOf, type LogEvent, type Schema } from '@headwater/features'
import { ExternalTowerError } from '../errors/external-tower-error.ts'
import type { VocabularySource } from '../map/input-map.ts'

/** Which places in a vocabulary the buckets of a field have. */
export class Vocabulary {
  /** Keys, those counted that share a bucket with an earlier one. */
  readonly size: number
  readonly shared: number
  readonly #places = new Map<number, number>()

  /** @param field whose hashes they are met by: `item`, or a field's name @param buckets that the schema hashes it into */
  constructor(keys: readonly string[], field: string, buckets: number) {
    this.size = keys.length
    for (const [place, key] of keys.entries()) {
      const bucket = bucketOf(field, key, buckets)
      if (!this.#places.has(bucket)) this.#places.set(bucket, place)
    }
    this.shared = keys.length - this.#places.size
  }

  /** Undefined for a bucket that none of the keys has. */
  placeOf(bucket: number): number | undefined {
    return this.#places.get(bucket)
  }
}

/** Most keys of one vocabulary. */
const mostKeys = 2 ** 24

/** Keys of a file, in their order: a JSON list of texts, or a line each. @throws ExternalTowerError */
export async function readKeys(path: string): Promise<readonly string[]> {
  const fail = (reason: string, remedy: string, cause?: unknown) =>
    new ExternalTowerError(path, null, reason, remedy, { cause })
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw fail(`the vocabulary cannot be read (${cause.code})`, 'check its path in the map', cause)
  })
  let keys: unknown = text.replace(/\r?\n$/, '').split(/\r?\n/)
  if (text.trimStart().startsWith('['))
    try {
      keys = JSON.parse(text)
    } catch (cause) {
      throw fail('the vocabulary is no JSON', 'give a JSON list of texts, or a line each', cause)
    }
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    throw fail('the vocabulary is no list of texts', 'give a JSON list of texts, or a line each')
  const all: readonly string[] = keys
  if (all.length === 0 || all.length > mostKeys)
    throw fail(`the vocabulary has ${all.length} keys`, `give 1 to ${mostKeys.toLocaleString('en')}`)
  const seen = new Set<string>()
  for (const key of all) {
    if (seen.has(key)) throw fail(`the vocabulary has the key "${key}" twice`, 'a row belongs to one key: list it once')
    seen.add(key)
  }
  return keys
}

/** Counts the keys of a log for the vocabularies that are built of it. */
export class VocabularyCounts {
  readonly #counts: { readonly name: string; readonly field: number; readonly of: Map<string, number> }[] = []
  readonly #sources: Readonly<Record<string, VocabularySource>>

  /** @throws ExternalTowerError where the schema has no such field */
  constructor(source: string, sources: Readonly<Record<string, VocabularySource>>, schema: Schema) {
    this.#sources = sources
    for (const [name, one] of Object.entries(sources)) {
      if (!('log' in one)) continue
      const field = schema.fields.findIndex(
        ({ name: own, type }) => own === one.log && (type === 'id' || type === 'ids'),
      )
      if (one.log !== 'item' && field < 0)
        throw new ExternalTowerError(
          source,
          null,
          `vocabulary "${name}" is of "${one.log}", which is no id of the schema`,
          'give "item", or the name of an id or ids field',
        )
      this.#counts.push({ name, field: one.log === 'item' ? -1 : field, of: new Map() })
    }
  }

  /** Whether no vocabulary needs the log. */
  get isEmpty(): boolean {
    return this.#counts.length === 0
  }

  add({ item, values }: LogEvent): void {
    for (const { field, of } of this.#counts) {
      const value = field < 0 ? item : values[field]
      for (const key of typeof value === 'string' ? [value] : Array.isArray(value) ? (value as string[]) : [])
        of.set(key, (of.get(key) ?? 0) + 1)
    }
  }

  /** Keys by name of the vocabulary. */
  keys(): Map<string, readonly string[]> {
    return new Map(
      this.#counts.map(({ name, of }) => {
        const { atLeast = 1, most = mostKeys } = this.#sources[name] as { atLeast?: number; most?: number }
        const kept = [...of].filter(([, count]) => count >= atLeast)
        kept.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
        return [name, kept.slice(0, most).map(([key]) => key)]
      }),
    )
  }
}
