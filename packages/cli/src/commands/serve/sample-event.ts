/** An event that a newcomer may send to a server: of a user and an item that it knows, in the form of its log. */
import { join, relative } from 'node:path'
import type { FeatureSpace } from '@headwater/features'
import type { EmbeddingStore } from '@headwater/store'
import { userDirectory } from '../../files/paths.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { ServeOptions } from './options.ts'

export interface SampleEvent {
  readonly user: string
  /** One line of JSON, with the columns that the schema names. */
  readonly row: string
}

/** @returns null where the store has no user or no item, and where finding one may take a while */
export async function sampleEvent(
  { store: url }: ServeOptions,
  store: EmbeddingStore,
  { schema }: FeatureSpace,
): Promise<SampleEvent | null> {
  if (/^(tiered:)?valkeys?:/.test(url)) return null
  const [user, item] = await Promise.all((['user', 'item'] as const).map((kind) => firstOf(store.keys(kind))))
  if (user === null || item === null) return null
  const { column, unit } = schema.time
  const nowMs = Date.now()
  const time = { s: Math.floor(nowMs / 1000), ms: nowMs, us: nowMs * 1000, iso: new Date(nowMs).toISOString() }[unit]
  // An outcome is the first task's positive; of what else may be known there is nothing new.
  const [task] = schema.tasks
  const values = schema.fields.map(({ name, column: own = name }) => [own, name === task.field ? task.atLeast : null])
  const row = { [schema.user]: user, [schema.item]: item, [column]: time, ...Object.fromEntries(values) }
  return { user, row: JSON.stringify(row) }
}

async function firstOf(keys: AsyncIterable<string>): Promise<string | null> {
  for await (const key of keys) return key
  return null
}

/** The command that sends the event. @param snapshot directory whose schema describes it */
export function ingestCommand({ row }: SampleEvent, snapshot: string, url: string): string {
  const schema = relative(userDirectory(), join(snapshot, 'schema.json'))
  return `echo ${shellWord(row)} | npx headwater ingest - --schema ${shellWord(schema)} --url ${url}`
}
