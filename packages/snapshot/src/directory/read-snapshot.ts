/** Reads a snapshot whole, or its manifest alone, and checks every file against its checksum. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compileFeatures, parseSchema, type Schema, type SideBatch } from '@headwater/features'
import { decodeAlignment } from '../contents/alignment.ts'
import { decodeItems } from '../contents/item-vectors.ts'
import { checkFormat, parseManifest, type SnapshotManifest } from '../contents/manifest.ts'
import { decodePanel, decodePanelUsers } from '../contents/panel-file.ts'
import { checksumFile, decodeChecksums, panelFile, towerFolder } from '../files/checksums.ts'
import { contentDigest, sha256 } from '../files/digests.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { checkFile, mismatch, unreadable } from './check-file.ts'
import type { Snapshot } from './snapshot.ts'

interface Checked {
  readonly manifest: SnapshotManifest
  /** Expected checksums, hex, of the files besides the manifest. */
  readonly sums: ReadonlyMap<string, string>
}

export async function readFileOf(directory: string, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(join(directory, name)))
  } catch (cause) {
    throw unreadable(directory, name, cause)
  }
}

export function checkSum(directory: string, name: string, data: Uint8Array, sum: string | undefined): Uint8Array {
  if (sha256(data) !== sum) throw mismatch(directory, name)
  return data
}

function parseJson(directory: string, name: string, data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch (cause) {
    throw new SnapshotError(`${join(directory, name)} is not JSON. Publish it again.`, { cause })
  }
}

/** The manifest, and what the other files' checksums must be. @throws SnapshotError */
export async function readChecked(directory: string): Promise<Checked> {
  const file = await readFileOf(directory, 'manifest.json')
  // The format comes first: another one may list its checksums in another way.
  const json = parseJson(directory, 'manifest.json', file)
  checkFormat(json, directory)
  const list = new TextDecoder().decode(await readFileOf(directory, checksumFile))
  const sums = decodeChecksums(list, directory)
  checkSum(directory, 'manifest.json', file, sums.get('manifest.json'))
  return { manifest: parseManifest(json, directory), sums }
}

/** As `contentDigest`, of the snapshot in a directory. @throws SnapshotError */
export async function snapshotDigest(directory: string): Promise<string> {
  return contentDigest((await readChecked(directory)).sums)
}

/** The manifest alone, checked by its own checksum. @throws SnapshotError */
export async function readManifest(directory: string): Promise<SnapshotManifest> {
  return (await readChecked(directory)).manifest
}

/**
 * Reads a snapshot whole.
 * @throws SnapshotError for a missing file, another format or a checksum that does not match; SafetensorsError or
 * SchemaError where a file with the right checksum is not what it should be.
 */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const { manifest, sums } = await readChecked(directory)
  const file = async (name: string) => checkSum(directory, name, await readFileOf(directory, name), sums.get(name))
  const optional = async <Content>(name: string, decode: (data: Uint8Array, source: string) => Content) =>
    sums.has(name) ? decode(await file(name), join(directory, name)) : null
  const schemaPath = join(directory, 'schema.json')
  for (const [name, sum] of sums) if (name.startsWith(`${towerFolder}/`)) await checkFile(directory, name, sum)
  const schema = parseSchema(parseJson(directory, 'schema.json', await file('schema.json')), schemaPath)
  return {
    directory,
    manifest,
    schema,
    matrices: (await optional('weights.safetensors', decodeSafetensors)) ?? new Map(),
    alignment: await optional('alignment.safetensors', decodeAlignment),
    items: await optional('items.safetensors', (data, source) => decodeItems(data, manifest.layout ?? null, source)),
    panel: (await panelOf(directory, schema, sums.get(panelFile)))?.rows ?? null,
  }
}

/** Rows of users, and whose they are: [U, 2] as `panelUserHash` gives it, null in snapshots of earlier versions. */
export interface Panel {
  readonly rows: SideBatch
  readonly users: Uint32Array | null
}

/** The panel of a snapshot that was read, with its users. @returns null where there is none, or none any more @throws as `readSnapshot` */
export async function readPanel({ directory, schema }: Pick<Snapshot, 'directory' | 'schema'>): Promise<Panel | null> {
  return panelOf(directory, schema, (await readChecked(directory)).sums.get(panelFile))
}

/** Null where there is none, or while a user is being taken out of it. @param sum as the list of checksums had it */
async function panelOf(directory: string, schema: Schema, sum: string | undefined): Promise<Panel | null> {
  const data = await withPanelSum(directory, sum, async (expected) =>
    checkSum(directory, panelFile, await readFileOf(directory, panelFile), expected),
  )
  const path = join(directory, panelFile)
  return data && { rows: decodePanel(compileFeatures(schema).user, data, path), users: decodePanelUsers(data, path) }
}

/**
 * Calls `use` with the panel's checksum, and again with the next one where it failed because a user was taken out meanwhile.
 * @param sum as the list of checksums had it
 * @returns what it gave; null where there is no panel, or none any more
 */
export async function withPanelSum<Result>(
  directory: string,
  sum: string | undefined,
  use: (sum: string) => Promise<Result>,
): Promise<Result | null> {
  for (let expected = sum; expected !== undefined; )
    try {
      return await use(expected)
    } catch (error) {
      const now = (await readChecked(directory)).sums.get(panelFile)
      if (now === expected) throw error
      expected = now
    }
  return null
}
