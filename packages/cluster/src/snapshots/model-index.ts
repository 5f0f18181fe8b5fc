/** What a publisher says of the snapshot that it serves. */
import type { Message } from '@headwater/client/schemas'
import { checksumFile } from '@headwater/snapshot'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { SnapshotFetchError } from '../node/errors.ts'

/** Characters. */
export const maxIndexLength = 2 ** 20

const PublishedFile = Type.Object({
  // Those of a tower that was made elsewhere lie in a folder.
  name: Type.String({ pattern: '^(?:[A-Za-z0-9][A-Za-z0-9.]{0,63}|tower/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99})$' }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sizeBytes: Type.Integer({ minimum: 0, maximum: 2 ** 36 }),
})
export type PublishedFile = Message<typeof PublishedFile>

const ModelIndex = Type.Object({
  format: Type.Literal(1),
  publisher: Type.String({ minLength: 1, maxLength: 100, description: 'whose snapshots are mixed with no others' }),
  snapshot: Type.Integer({ minimum: 1, maximum: 0xffff_ffff }),
  by: Type.Enum(['gate', 'promote'], { description: 'who chose it' }),
  files: Type.Array(PublishedFile, { maxItems: 64 }),
})
export type ModelIndex = Message<typeof ModelIndex>

const check = Compile(ModelIndex)

/** @throws SnapshotFetchError for what is none */
export function parseModelIndex(text: string, url: string): ModelIndex {
  const fail = (what: string) => new SnapshotFetchError(`${url} is no publisher of a model's snapshots: ${what}.`)
  let index: { readonly format?: unknown }
  try {
    index = JSON.parse(text) ?? {}
  } catch {
    throw fail('its answer is no JSON')
  }
  if (typeof index.format === 'number' && index.format > 1)
    throw new SnapshotFetchError(
      `${url} has format ${index.format}, this version reads 1; bring this machine up to date.`,
    )
  if (!check.Check(index)) {
    const [{ instancePath, message }] = check.Errors(index)
    throw fail(`its answer${instancePath} ${message}`)
  }
  const names = new Set(index.files.map(({ name }) => name))
  if (names.size < index.files.length || !names.has(checksumFile))
    throw fail(`its files lack ${checksumFile}, or repeat`)
  return index
}
