/**
 * Writes a snapshot: a directory of `manifest.json`, `schema.json`, `weights.safetensors` or the files of a tower
 * that was made elsewhere, where there are any
 * `alignment.safetensors`, `items.safetensors` and `panel.safetensors`, and `SHA256SUMS` of them all. It is written beside its final place and
 * published by one rename. Afterwards it changes in one way only: a user who is forgotten leaves the panel.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { compileFeatures, type Schema, type SideBatch } from '@headwater/features'
import { type AffineMap, encodeAlignment } from '../contents/alignment.ts'
import { forgottenUsers } from '../contents/forgotten-users.ts'
import { encodeItems, type ItemVectors } from '../contents/item-vectors.ts'
import { formatVersion, type PublicationRecord, type SnapshotManifest, unjudged } from '../contents/manifest.ts'
import { encodePanel, withoutUsers } from '../contents/panel-file.ts'
import { checksumFile, encodeSums, panelFile, towerFolder } from '../files/checksums.ts'
import { sha256 } from '../files/digests.ts'
import { removeLeftovers, replaceDurably, syncDirectory, writeDurably } from '../files/durable-files.ts'
import { encodeSafetensors, type NamedMatrix } from '../files/safetensors.ts'
import { SnapshotError } from '../files/snapshot-error.ts'
import { publishingPattern, snapshotDirectory } from './list-snapshots.ts'

/** What a snapshot holds besides weights. */
export interface SnapshotExtras {
  /** From the tower's own coordinates to the published ones; null where they are the same. */
  readonly alignment?: AffineMap | null
  /** In published coordinates; null where the tower has no memory. */
  readonly items?: ItemVectors | null
  /** Rows of the schema's user side, by which snapshots can be compared. Those of users whom the model forgot are left out. */
  readonly panel?: SideBatch | null
  /** [U, 2] whose rows they are, as `panelUserHash` gives it; without it none of them can be forgotten. */
  readonly panelUsers?: Uint32Array | null
  /** Of a tower that was made elsewhere: what goes into the folder `tower`, by name. There are no matrices then. */
  readonly tower?: ReadonlyMap<string, TowerFile>
}

/** Its bytes, or where they are copied from: models may be larger than memory. */
export type TowerFile = Uint8Array | { readonly path: string }

type About = Omit<SnapshotManifest, 'format' | 'schemaDigest' | 'layout' | keyof PublicationRecord> &
  Partial<PublicationRecord>

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
  { alignment = null, items = null, panel = null, panelUsers = null, tower = new Map() }: SnapshotExtras = {},
): Promise<string> {
  const target = snapshotDirectory(modelDirectory, about.snapshot)
  // What a reader looks for first comes first in the file.
  const { snapshot, frame, ...rest } = about
  const manifest: SnapshotManifest = {
    format: formatVersion,
    snapshot,
    frame,
    schemaDigest: sha256(encodeJson(schema)).slice(0, 24),
    ...unjudged,
    publishedMs: Date.now(),
    ...rest,
    layout: items?.layout ?? null,
  }
  const files = new Map<string, Uint8Array>()
  if (alignment) files.set('alignment.safetensors', encodeAlignment(alignment))
  if (items) files.set('items.safetensors', encodeItems(items))
  const panelBytes = panel && encodePanel(compileFeatures(schema).user, panel, panelUsers)
  files.set('schema.json', encodeJson(schema))
  if (tower.size === 0)
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
    await writeTower(partial, tower, sums)
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

/** Writes the files of a tower that was made elsewhere, each once it is on the disk noted with its checksum. */
async function writeTower(
  directory: string,
  tower: ReadonlyMap<string, TowerFile>,
  sums: Map<string, string>,
): Promise<void> {
  if (tower.size === 0) return
  const folder = join(directory, towerFolder)
  await mkdir(folder)
  for (const [name, file] of tower) {
    const path = join(folder, name)
    if (file instanceof Uint8Array) await writeDurably(path, file)
    else await pipeline(createReadStream(file.path), createWriteStream(path, { flags: 'wx', flush: true }))
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    sums.set(`${towerFolder}/${name}`, hash.digest('hex'))
  }
  await syncDirectory(folder)
}

/**
 * Writes the panel without users who were forgotten. An empty file stands there before the list of them is read: a process
 * that forgets a user meanwhile sees it and waits (`panelsUnderWay`).
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
