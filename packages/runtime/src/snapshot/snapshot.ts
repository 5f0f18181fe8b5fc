/**
 * A snapshot on disk: a directory of `manifest.json`, `schema.json`, `weights.safetensors`, where there are any
 * `alignment.safetensors` and `panel.safetensors`, and `SHA256SUMS` of them all; written beside its final place and
 * published by one rename, never changed afterwards but for users whom the panel forgets.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { compileFeatures, parseSchema, type Schema, type SideBatch } from '@headwater/features'
import type { Weights } from '../parameters/weights.ts'
import { type AffineMap, decodeAlignment, encodeAlignment } from './alignment.ts'
import { checksumFile, decodeChecksums, encodeSums, panelFile, sha256 } from './checksums.ts'
import { removeLeftovers, replaceDurably, syncDirectory, writeDurably } from './durable-files.ts'
import { forgottenUsers } from './forgotten-users.ts'
import {
  checkFormat,
  formatVersion,
  type PublicationRecord,
  parseManifest,
  type SnapshotManifest,
  unjudged,
} from './manifest.ts'
import { decodePanel, encodePanel, withoutUsers } from './panel-file.ts'
import { decodeSafetensors, encodeSafetensors, type NamedMatrix } from './safetensors.ts'
import { SnapshotError } from './snapshot-error.ts'

/** Directory of a snapshot under the model's directory: zero-padded, so that names sort by age. */
export function snapshotDirectory(modelDirectory: string, snapshot: number): string {
  return join(modelDirectory, `snapshot-${String(snapshot).padStart(6, '0')}`)
}

/** Directories of snapshots that are being written, or were when their process was killed. */
export const publishingPattern = /^\.publishing-\d+-(\d+)$/

/** What a snapshot holds besides weights. */
export interface SnapshotExtras {
  /** From the tower's own coordinates to the published ones; null where they are the same. */
  readonly alignment?: AffineMap | null
  /** Rows of the schema's user side, by which snapshots can be compared. Those of users whom the model forgot are left out. */
  readonly panel?: SideBatch | null
  /** [U, 2] whose rows they are, as `panelUserHash` gives it; without it none of them can be forgotten. */
  readonly panelUsers?: Uint32Array | null
}

type About = Omit<SnapshotManifest, 'format' | keyof PublicationRecord> & Partial<PublicationRecord>

const encoder = new TextEncoder()
const encodeJson = (value: unknown) => encoder.encode(`${JSON.stringify(value, null, 2)}\n`)

/**
 * Publishes weights as a snapshot, whole or not at all. A process killed at any moment leaves at most a directory named
 * `.publishing-…`, which no reader takes for a snapshot and the next publication removes.
 * @returns the snapshot's directory.
 * @throws SnapshotError when the snapshot exists, or where the place cannot take it (disk full, say); SafetensorsError for
 * values that are not finite. Whatever was there is left as it was.
 */
export async function publishSnapshot(
  modelDirectory: string,
  schema: Schema,
  matrices: readonly NamedMatrix[],
  about: About,
  { alignment = null, panel = null, panelUsers = null }: SnapshotExtras = {},
): Promise<string> {
  const target = snapshotDirectory(modelDirectory, about.snapshot)
  // What a reader looks for first comes first in the file.
  const { snapshot, frame, ...rest } = about
  const manifest: SnapshotManifest = {
    format: formatVersion,
    snapshot,
    frame,
    ...unjudged,
    publishedMs: Date.now(),
    ...rest,
  }
  const files = new Map<string, Uint8Array>()
  if (alignment) files.set('alignment.safetensors', encodeAlignment(alignment))
  const panelBytes = panel && encodePanel(compileFeatures(schema).user, panel, panelUsers)
  files.set('schema.json', encodeJson(schema))
  files.set('weights.safetensors', encodeSafetensors(matrices, { snapshot: String(about.snapshot) }))
  files.set('manifest.json', encodeJson(manifest))
  const sums = new Map([...files].map(([name, data]) => [name, sha256(data)]))
  const partial = join(modelDirectory, `.publishing-${about.snapshot}-${process.pid}`)
  try {
    await mkdir(modelDirectory, { recursive: true })
    await removeLeftovers(modelDirectory, publishingPattern)
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    for (const [name, data] of files) await writeDurably(join(partial, name), data)
    const panelSum = panelBytes && (await writePanel(modelDirectory, partial, panelBytes))
    if (panelSum !== null) sums.set(panelFile, panelSum)
    await writeDurably(join(partial, checksumFile), encodeSums(sums))
    await syncDirectory(partial)
    await rename(partial, target)
    await syncDirectory(modelDirectory)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOTEMPTY' || code === 'EEXIST')
      throw new SnapshotError(`${target} exists; snapshots are immutable, publish under the next number.`, { cause })
    if (code === undefined) throw cause
    throw new SnapshotError(
      `${target} cannot be written (${code}): give the disk room or choose another place, then publish again. Snapshots that were there are as they were.`,
      { cause },
    )
  }
  return target
}

/**
 * Writes the panel without users who were forgotten. Its name is there before it is read who they are: whoever is forgotten
 * meanwhile waits for what has one.
 * @returns its checksum, null where no row is left
 */
async function writePanel(modelDirectory: string, partial: string, panel: Uint8Array): Promise<string | null> {
  const path = join(partial, panelFile)
  await writeDurably(path, new Uint8Array())
  const { file } = withoutUsers(panel, await forgottenUsers(modelDirectory), path)
  if (file === null) {
    await rm(path)
    return null
  }
  await replaceDurably(path, file)
  return sha256(file)
}

/** Directories of the whole snapshots under a model's directory, oldest first; none where nothing was published yet. */
export async function listSnapshots(modelDirectory: string): Promise<string[]> {
  const names = await readdir(modelDirectory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw cause
  })
  return names
    .filter((name) => /^snapshot-\d{6,}$/.test(name))
    .sort((a, b) => Number(a.slice(9)) - Number(b.slice(9)))
    .map((name) => join(modelDirectory, name))
}

/** The number in the name of a snapshot's directory. */
export function snapshotNumber(directory: string): number {
  return Number(basename(directory).slice('snapshot-'.length))
}

/** One more than the newest snapshot of a model, 1 where there is none: numbers of deleted ones are not used again. */
export async function nextSnapshotNumber(modelDirectory: string): Promise<number> {
  const newest = (await listSnapshots(modelDirectory)).at(-1)
  return newest === undefined ? 1 : snapshotNumber(newest) + 1
}

export interface Snapshot {
  readonly directory: string
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  /** Weights in the tower's own coordinates. */
  readonly matrices: ReadonlyMap<string, NamedMatrix>
  /** From there to the published coordinates; null where they are the same. */
  readonly alignment: AffineMap | null
  readonly panel: SideBatch | null
}

interface Checked {
  readonly manifest: SnapshotManifest
  /** Expected checksums, hex, of the files besides the manifest. */
  readonly sums: ReadonlyMap<string, string>
}

async function readFileOf(directory: string, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(join(directory, name)))
  } catch (cause) {
    throw unreadable(directory, name, cause)
  }
}

export const unreadable = (directory: string, name: string, cause: unknown) =>
  new SnapshotError(`${directory} is no whole snapshot: ${name} cannot be read. Publish it again.`, { cause })

export const mismatch = (directory: string, name: string) =>
  new SnapshotError(`${directory}: the checksum of ${name} does not match. Publish it again.`)

function checkSum(directory: string, name: string, data: Uint8Array, sum: string | undefined): Uint8Array {
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

/** The manifest, and what the other files' checksums must be. @throws SnapshotError, ModelConfigError */
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

/** The manifest alone, checked by its own checksum. @throws SnapshotError, ModelConfigError */
export async function readManifest(directory: string): Promise<SnapshotManifest> {
  return (await readChecked(directory)).manifest
}

/**
 * Reads a snapshot whole.
 * @throws SnapshotError for a missing file, another format or a checksum that does not match; SafetensorsError, SchemaError
 * or ModelConfigError where a file with the right checksum is not what it should be.
 */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const { manifest, sums } = await readChecked(directory)
  const file = async (name: string) => checkSum(directory, name, await readFileOf(directory, name), sums.get(name))
  const optional = async <Content>(name: string, decode: (data: Uint8Array, source: string) => Content) =>
    sums.has(name) ? decode(await file(name), join(directory, name)) : null
  const schemaPath = join(directory, 'schema.json')
  const schema = parseSchema(parseJson(directory, 'schema.json', await file('schema.json')), schemaPath)
  return {
    directory,
    manifest,
    schema,
    matrices: decodeSafetensors(await file('weights.safetensors'), join(directory, 'weights.safetensors')),
    alignment: await optional('alignment.safetensors', decodeAlignment),
    panel: await readPanel(directory, schema, sums.get(panelFile)),
  }
}

/** The panel, null where there is none, or while a user is being taken out of it. @param sum as the list of checksums had it */
async function readPanel(directory: string, schema: Schema, sum: string | undefined): Promise<SideBatch | null> {
  for (let expected = sum; expected !== undefined; ) {
    const data = await readFileOf(directory, panelFile).catch((error: SnapshotError) => error)
    if (!(data instanceof SnapshotError) && sha256(data) === expected)
      return decodePanel(compileFeatures(schema).user, data, join(directory, panelFile))
    const now = (await readChecked(directory)).sums.get(panelFile)
    if (now === expected) {
      if (data instanceof SnapshotError) throw data
      checkSum(directory, panelFile, data, expected)
    }
    expected = now
  }
  return null
}

/**
 * Writes a snapshot's weights, in the tower's own coordinates, into those of a tower of the same layout.
 * @throws SnapshotError where a tensor is missing or of another shape; nothing is written then.
 */
export function writeWeights(weights: Weights, snapshot: Pick<Snapshot, 'directory' | 'matrices'>): void {
  const entries = weights.set.entries()
  for (const { name, rows, cols } of entries) {
    const matrix = snapshot.matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== cols)
      throw new SnapshotError(
        `${snapshot.directory}: tensor ${name} is missing or not ${rows} × ${cols}, as its config has it. Publish it again.`,
      )
  }
  for (const { name } of entries) weights.write(name, snapshot.matrices.get(name)!.data)
}
