/** The snapshot that a model's directory serves, and each one that it serves later, in the poolings that read from it. */
import type { Schema } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'
import type { ServedEntry, ServedTower } from '@headwater/runtime'

/** A snapshot that cannot take the place of the one that is served. */
export class SnapshotRefusedError extends Error {
  override readonly name = 'SnapshotRefusedError'
}

export interface FollowedModelOptions {
  /** Of the model's snapshots. */
  readonly directory: string
  readonly name: string
  /** Told of a snapshot that took over, and of what went wrong; the one before is served on then. */
  readonly onSwapped: (snapshot: number, before: number) => void
  readonly onError: (error: unknown) => void
}

const pollMs = 500

/** Longest that a pooling takes to note a refresh, one read of its store: batches for the encoder before come until then. */
const captureMs = 1_000

export class FollowedModel {
  readonly #options: FollowedModelOptions
  readonly #abort = new AbortController()
  #tower: ServedTower
  /** Of the directory's history: what is served, or was refused. */
  #seen: ServedEntry
  #poolings: readonly Pooling[] = []
  #following: Promise<void> = Promise.resolve()

  private constructor(options: FollowedModelOptions, tower: ServedTower, seen: ServedEntry) {
    this.#options = options
    this.#tower = tower
    this.#seen = seen
  }

  /** Loads and warms the tower that is served now. @throws ServedSnapshotError, SnapshotError, and what `loadTower` throws */
  static async open(options: FollowedModelOptions): Promise<FollowedModel> {
    const { loadTower, servedHistory, servedSnapshotDirectory } = await import('@headwater/runtime')
    const path = await servedSnapshotDirectory(options.directory)
    const entry = (await servedHistory(options.directory)).at(-1)!
    const tower = await loadTower(path)
    try {
      await tower.warm()
    } catch (cause) {
      tower.dispose()
      throw cause
    }
    return new FollowedModel(options, tower, entry)
  }

  get tower(): ServedTower {
    return this.#tower
  }

  /** Publishes the tower into poolings, and from then on each that the directory serves. @throws PoolingConfigError */
  async follow(poolings: readonly Pooling[]): Promise<void> {
    this.#poolings = poolings
    await this.#publish(this.#tower)
    this.#following = this.#run()
  }

  /** Ends following; the tower stays until `dispose`. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#following
  }

  dispose(): void {
    this.#tower.dispose()
  }

  async #run(): Promise<void> {
    const { servedHistory } = await import('@headwater/runtime')
    while (await this.#wait(pollMs)) {
      try {
        const entry = (await servedHistory(this.#options.directory)).at(-1)
        if (entry === undefined || (entry.snapshot === this.#seen.snapshot && entry.sinceMs === this.#seen.sinceMs))
          continue
        this.#seen = entry
        if (entry.snapshot !== this.#tower.manifest.snapshot) await this.#swap(entry.snapshot)
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }

  async #swap(snapshot: number): Promise<void> {
    const { loadTower, snapshotDirectory } = await import('@headwater/runtime')
    const next = await loadTower(snapshotDirectory(this.#options.directory, snapshot))
    const before = this.#tower
    try {
      checkSame(next, before.schema, before.dim)
      await next.warm()
      await this.#publish(next)
    } catch (cause) {
      next.dispose()
      throw cause
    }
    this.#tower = next
    this.#options.onSwapped(snapshot, before.manifest.snapshot)
    // Refreshes that were due go through the tower before.
    await this.#drain()
    await this.#wait(captureMs)
    await this.#drain()
    before.dispose()
  }

  async #publish(tower: ServedTower): Promise<void> {
    const { DeviceLostError } = await import('@headwater/gpu')
    const { snapshot, frame, dataCutoffMs } = tower.manifest
    const encoder = {
      snapshot,
      frame,
      // The manifest names the last event trained on, pooling wants the first moment after it.
      dataCutoffMs: dataCutoffMs + 1,
      dim: tower.dim,
      encode: (rows: Parameters<ServedTower['encode']>[0]) =>
        tower.encode(rows).catch(async (cause: unknown) => {
          if (!(cause instanceof DeviceLostError)) throw cause
          this.#options.onError(cause)
          await tower.recover()
          return tower.encode(rows)
        }),
    }
    for (const pooling of this.#poolings) await pooling.publish(this.#options.name, encoder)
  }

  async #drain(): Promise<void> {
    for (const pooling of this.#poolings) await pooling.drain().catch((error: unknown) => this.#options.onError(error))
  }

  /** False where it was stopped meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    const { setTimeout: wait } = await import('node:timers/promises')
    return wait(ms, true, { signal: this.#abort.signal }).catch(() => false)
  }
}

function checkSame(next: ServedTower, schema: Schema, dim: number): void {
  const refused = (why: string) =>
    new SnapshotRefusedError(
      `${next.directory} ${why}; the one before is served on. Start the server again to serve it.`,
    )
  if (JSON.stringify(next.schema) !== JSON.stringify(schema))
    throw refused('has another schema, so states of users do not fit it')
  if (next.dim !== dim) throw refused(`gives ${next.dim} values, not ${dim}`)
}
