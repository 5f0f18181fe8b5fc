/**
 * A snapshot on disk: a directory of `manifest.json`, `schema.json` and `weights.safetensors`, written beside its final
 * place and published by one rename, never changed afterwards.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { compileFeatures, parseSchema, type Schema } from '@headwater/features'
import type { GpuDevice } from '@headwater/gpu'
import { Weights } from '../parameters.ts'
import type { TowerConfig } from '../towers/config.ts'
import { declareTower } from '../towers/tower.ts'
import { UserEncoder } from '../towers/user-encoder.ts'
import { decodeSafetensors, encodeSafetensors, type NamedMatrix } from './safetensors.ts'

const formatVersion = 1

export interface SnapshotManifest {
  readonly format: typeof formatVersion
  /** u32, grows with every publication of the model. */
  readonly snapshot: number
  /** u32; vectors of one frame may be averaged. */
  readonly frame: number
  /** Every row that the weights were trained on is at or before this time, ms since 1970. */
  readonly dataCutoffMs: number
  readonly trainedRows: number
  readonly config: TowerConfig
  /** SHA-256 of the other files, hex. */
  readonly checksums: { readonly schema: string; readonly weights: string }
}

/** A directory that is no whole snapshot of this format. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** Directory of a snapshot under the model's directory: zero-padded, so that names sort by age. */
export function snapshotDirectory(modelDirectory: string, snapshot: number): string {
  return join(modelDirectory, `snapshot-${String(snapshot).padStart(6, '0')}`)
}

async function writeDurably(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Publishes weights as a snapshot. A process killed at any moment leaves at most a directory named `.publishing-…`, which
 * no reader takes for a snapshot.
 * @returns the snapshot's directory.
 * @throws SnapshotError when the snapshot exists.
 */
export async function publishSnapshot(
  modelDirectory: string,
  schema: Schema,
  matrices: readonly NamedMatrix[],
  about: Omit<SnapshotManifest, 'format' | 'checksums'>,
): Promise<string> {
  await mkdir(modelDirectory, { recursive: true })
  const target = snapshotDirectory(modelDirectory, about.snapshot)
  const partial = join(modelDirectory, `.publishing-${about.snapshot}-${process.pid}`)
  const schemaFile = new TextEncoder().encode(`${JSON.stringify(schema, null, 2)}\n`)
  const weightsFile = encodeSafetensors(matrices, { snapshot: String(about.snapshot) })
  const manifest: SnapshotManifest = {
    format: formatVersion,
    ...about,
    checksums: { schema: sha256(schemaFile), weights: sha256(weightsFile) },
  }
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  try {
    await writeDurably(join(partial, 'schema.json'), schemaFile)
    await writeDurably(join(partial, 'weights.safetensors'), weightsFile)
    await writeDurably(
      join(partial, 'manifest.json'),
      new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
    )
    await rename(partial, target)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOTEMPTY' || code === 'EEXIST')
      throw new SnapshotError(`${target} exists; snapshots are immutable, publish under the next number.`, { cause })
    throw cause
  }
  return target
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

/** One more than the newest snapshot of a model, 1 where there is none: numbers of deleted ones are not used again. */
export async function nextSnapshotNumber(modelDirectory: string): Promise<number> {
  const newest = (await listSnapshots(modelDirectory)).at(-1)
  return newest === undefined ? 1 : Number(basename(newest).slice('snapshot-'.length)) + 1
}

export interface Snapshot {
  readonly directory: string
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  readonly matrices: ReadonlyMap<string, NamedMatrix>
}

/** @throws SnapshotError for a missing file, another format or a checksum that does not match. */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const file = async (name: string) => {
    try {
      return new Uint8Array(await readFile(join(directory, name)))
    } catch (cause) {
      throw new SnapshotError(`${directory} is no whole snapshot: ${name} cannot be read.`, { cause })
    }
  }
  const json = (name: string, data: Uint8Array) => {
    try {
      return JSON.parse(new TextDecoder().decode(data))
    } catch (cause) {
      throw new SnapshotError(`${join(directory, name)} is not JSON.`, { cause })
    }
  }
  const manifest: SnapshotManifest = json('manifest.json', await file('manifest.json'))
  if (manifest?.format !== formatVersion)
    throw new SnapshotError(
      `${directory} has format ${manifest?.format}, this version reads ${formatVersion}. Use the version that wrote it.`,
    )
  const schemaFile = await file('schema.json')
  const weightsFile = await file('weights.safetensors')
  for (const [name, data] of [
    ['schema', schemaFile],
    ['weights', weightsFile],
  ] as const)
    if (sha256(data) !== manifest.checksums?.[name])
      throw new SnapshotError(`${directory}: the checksum of its ${name} does not match. Publish it again.`)
  return {
    directory,
    manifest,
    schema: parseSchema(json('schema.json', schemaFile), join(directory, 'schema.json')),
    matrices: decodeSafetensors(weightsFile, join(directory, 'weights.safetensors')),
  }
}

/** A user tower loaded for serving. */
export interface LoadedTower {
  readonly snapshot: Snapshot
  readonly encoder: UserEncoder
  dispose(): void
}

/** Puts a snapshot's user tower on a device. @throws SnapshotError where a tensor is missing or of another shape. */
export function loadUserTower(device: GpuDevice, snapshot: Snapshot): LoadedTower {
  const space = compileFeatures(snapshot.schema)
  const tower = declareTower(space.user, space.item, snapshot.schema.tasks.length, snapshot.manifest.config)
  const entries = tower.set.entries()
  for (const { name, rows, cols } of entries) {
    const matrix = snapshot.matrices.get(name)
    if (matrix?.rows !== rows || matrix.cols !== cols)
      throw new SnapshotError(`${snapshot.directory}: tensor ${name} is missing or not ${rows} × ${cols}.`)
  }
  const weights = new Weights(device, tower.set, false)
  for (const { name } of entries) weights.write(name, snapshot.matrices.get(name)!.data)
  const encoder = new UserEncoder(device, tower.user, weights)
  return {
    snapshot,
    encoder,
    dispose: () => {
      encoder.dispose()
      weights.dispose()
    },
  }
}
