/** A snapshot's user tower as a service embeds it. Shape letters: R rows, J = K·D numbers of a user's embeddings. */

import { compileFeatures, type FeatureSpace, type Schema, type SideBatch } from '@headwater/features'
import { type GpuDevice, requestDevice } from '@headwater/gpu'
import {
  type ItemVectors,
  readSnapshot,
  type Snapshot,
  SnapshotError,
  type SnapshotManifest,
} from '@headwater/snapshot'
import { ServedTowerError } from './errors.ts'
import { type LoadedTower, loadUserTower } from './load-user-tower.ts'
import { checkTowerMemory, measureTower, roomOf, type TowerMemory } from './tower-memory.ts'
import type { EncoderOptions } from './user-encoder.ts'

export interface LoadTowerOptions extends EncoderOptions {
  /** The caller's, who destroys it after the tower is disposed. Default: one of the tower's own. */
  readonly device?: GpuDevice
  /** Called before each pipeline that the tower's own device compiles in `warm`: which one, from 1, of how many so far. */
  readonly onCompile?: (number: number, total: number) => void
}

/**
 * Loads a snapshot's user tower.
 * @param source directory of one snapshot, as `servedSnapshotDirectory` names it, or in a browser its URL; or the snapshot itself,
 * read by `readSnapshot` or made of bytes by `decodeSnapshot`, which the tower then keeps for `recover`
 * @throws SnapshotError, SafetensorsError, SchemaError or ModelConfigError where the snapshot is not whole or not of this version;
 * TowerMemoryError, ParameterSizeError or TableSizeError where the device cannot hold it, before anything is allocated;
 * NoAdapterError without a device
 */
export async function loadTower(source: string | Snapshot, options: LoadTowerOptions = {}): Promise<ServedTower> {
  const read = async () => (typeof source === 'string' ? readSnapshot(source) : source)
  const snapshot = await read()
  const device = options.device ?? (await requestOwn(snapshot.directory, options))
  return placing(device, options.device === undefined, () => new ServedTower(snapshot, read, device, options))
}

async function requestOwn(directory: string, { onCompile }: LoadTowerOptions): Promise<GpuDevice> {
  const device = await requestDevice({ label: `tower of ${directory}` })
  device.onCompile = onCompile ?? null
  return device
}

/** A tower that cannot be placed leaves no device of its own behind. */
function placing<Result>(device: GpuDevice, owned: boolean, place: () => Result): Result {
  try {
    return place()
  } catch (cause) {
    if (owned) device.destroy()
    throw cause
  }
}

/** Rows of user features in, published vectors out; see {@link loadTower}. */
export class ServedTower {
  readonly directory: string
  readonly manifest: SnapshotManifest
  readonly schema: Schema
  /** The schema's features, compiled: it makes the rows that `encode` takes. */
  readonly space: FeatureSpace
  /** J */
  readonly dim: number
  /** In the coordinates of the embeddings, of a tower with a memory; null of one without. */
  readonly items: ItemVectors | null
  /** Most rows of one call. */
  readonly maxRows: number
  /** What the device holds of it once every batch size was recorded, as `warm` does at once. */
  readonly memory: TowerMemory
  readonly #read: () => Promise<Snapshot>
  readonly #options: LoadTowerOptions
  #device: GpuDevice
  #owned: boolean
  #loaded: LoadedTower
  #warmed = false
  #disposed = false
  #recovery: Promise<void> | null = null

  /** Use {@link loadTower}. */
  constructor(snapshot: Snapshot, read: () => Promise<Snapshot>, device: GpuDevice, options: LoadTowerOptions) {
    const { directory, manifest, schema, items } = snapshot
    this.directory = directory
    this.manifest = manifest
    this.schema = schema
    this.items = items
    this.space = compileFeatures(schema)
    this.#read = read
    this.#options = options
    this.#device = device
    this.#owned = options.device === undefined
    this.memory = measureTower(snapshot, device.limits)
    this.#loaded = this.#place(device, snapshot)
    this.dim = this.#loaded.encoder.dim
    this.maxRows = this.#loaded.encoder.maxRows
  }

  /** That it runs on now; another after `recover`. */
  get device(): GpuDevice {
    return this.#device
  }

  /** Rows of the calls that wait or run. */
  get queuedRows(): number {
    return this.#loaded.encoder.queuedRows
  }

  /**
   * Encodes rows of `space`'s user side; those of a call over 512 run in pieces, the next uploaded while one runs. A row's
   * vector does not depend on the rows beside it.
   * @param batch at most `maxRows` rows, read until the call has settled
   * @returns f32 [R, J], empty for no rows
   * @throws BatchRowsError for too many rows, BatchError for rows of another layout, BatchNumberError for a number that is not
   * finite, EncodeQueueError where too many wait, DeviceLostError (then `recover`), ServedTowerError once disposed
   */
  encode(batch: SideBatch): Promise<Float32Array> {
    return this.#loaded.encoder.encode(batch)
  }

  /**
   * As `encode`, as fp16 bits, as the store keeps vectors: rounded to nearest, ties to even, on the device, and read back at
   * half the bytes.
   * @returns [R, J]
   */
  encodeHalf(batch: SideBatch): Promise<Uint16Array> {
    return this.#loaded.encoder.encodeHalf(batch)
  }

  /** Records all batch sizes and compiles their pipelines, so that no call has to wait for it. @throws DeviceLostError */
  async warm(): Promise<void> {
    await this.#loaded.encoder.warm()
    this.#warmed = true
  }

  /**
   * After a loss of the device: reads the snapshot again, unless it was given itself, and puts it on a new device, which then
   * gives the bits that the old one gave where both are of one kind. Nothing happens while the device is healthy; calls beside
   * each other share one recovery. Where it fails it can be tried again.
   * @param device the caller's; needed where the lost one was the caller's
   * @throws ServedTowerError without a device that is needed; SnapshotError where the snapshot is gone or another; what
   * `loadTower` throws
   */
  recover(device?: GpuDevice): Promise<void> {
    this.#recovery ??= this.#recover(device).finally(() => {
      this.#recovery = null
    })
    return this.#recovery
  }

  async #recover(given: GpuDevice | undefined): Promise<void> {
    this.#checkAlive()
    const healthy = await this.#device.idle().then(
      () => true,
      () => false,
    )
    if (healthy) return
    if (!given && !this.#owned)
      throw new ServedTowerError('The lost device was the caller’s: give recover() a new one.')
    const snapshot = await this.#read()
    if (JSON.stringify(snapshot.manifest) !== JSON.stringify(this.manifest))
      throw new SnapshotError(
        `${this.directory} is another snapshot than the one that was loaded. Load it as a new tower.`,
      )
    const device = given ?? (await requestOwn(this.directory, this.#options))
    const loaded = placing(device, given === undefined, () => {
      this.#checkAlive()
      return this.#place(device, snapshot)
    })
    this.#loaded.dispose()
    if (this.#owned) this.#device.destroy()
    this.#loaded = loaded
    this.#device = device
    this.#owned = given === undefined
    if (this.#warmed) await loaded.encoder.warm()
  }

  #place(device: GpuDevice, snapshot: Snapshot): LoadedTower {
    checkTowerMemory(this.memory, roomOf(device))
    return loadUserTower(device, snapshot, this.#options)
  }

  #checkAlive(): void {
    if (this.#disposed) throw new ServedTowerError('The tower was disposed; load it again.')
  }

  /** Frees its memory, and its device where that is its own; calls that wait or run are rejected. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#loaded.dispose()
    if (this.#owned) this.#device.destroy()
  }
}
