/** The snapshot that a model's directory serves, and each one that it serves later, in the poolings that read from it. */
import { setTimeout as wait } from 'node:timers/promises'
import type { ShadowReport, SnapshotInfo } from '@headwater/client'
import type { ModelControl } from '@headwater/client/schemas'
import type { Pooling } from '@headwater/pooling'
import { SnapshotRefusedError } from '@headwater/pooling'
import {
  listSnapshots,
  promoteSnapshot,
  readManifest,
  rollbackSnapshot,
  SnapshotError,
  type SnapshotManifest,
  servedHistory,
  servedSnapshot,
} from '@headwater/snapshot'
import { type LoadedSnapshot, releaseAfter } from '../process/loaded-snapshot.ts'
import { DeadlyLoads } from './deadly-loads.ts'
import { type LoadOptions, loadFirst } from './first-snapshot.ts'
import { entryKey, existing, refusing, servableDirectory } from './served-entry.ts'
import { type ShadowChoice, type ShadowEvents, SnapshotShadow } from './snapshot-shadow.ts'

export interface FollowModelOptions extends LoadOptions, ShadowEvents {
  /** Computes a share of the batches through another snapshot too. */
  readonly shadow?: ShadowChoice
  /** How often the directory is looked at. Default 500. */
  readonly pollMs?: number
  /** Called when a snapshot took over. */
  readonly onSwapped?: (snapshot: number, before: number) => void
}

/**
 * Loads the snapshot that a model's directory serves, or where that one is refused the newest one before it that is not;
 * `onError` is called with the reason. `publishTo` puts it to use.
 * @throws ServedSnapshotError where none is served; where none can be, what is wrong with the newest: SnapshotRefusedError,
 *   EncodeError, SnapshotError; what `admit` throws
 */
export async function followModel(options: FollowModelOptions): Promise<FollowedModel> {
  const { result, refused } = await loadFirst(options)
  return new FollowedModel(options, result, refused)
}

/** A model that is served, and what an operator may do with it; see {@link followModel}. */
export class FollowedModel implements ModelControl {
  readonly #options: FollowModelOptions
  readonly #abort = new AbortController()
  readonly #deadly = new DeadlyLoads()
  readonly #shadow: SnapshotShadow | null
  readonly #tell: (error: unknown) => void
  #served: LoadedSnapshot
  /** Of the directory's history: what was refused last. */
  #refused: string | null
  #poolings: readonly Pooling[] = []
  /** End of the last change; the next starts after it. */
  #changing: Promise<unknown> = Promise.resolve()
  #following: Promise<void> = Promise.resolve()

  /** Use {@link followModel}. */
  constructor(options: FollowModelOptions, served: LoadedSnapshot, refused: string | null) {
    this.#options = options
    this.#tell = options.onError ?? (() => {})
    this.#served = served
    this.#refused = refused
    this.#shadow = options.shadow ? new SnapshotShadow(options.shadow, options) : null
  }

  /** The snapshot that refreshes go through. */
  get served(): LoadedSnapshot {
    return this.#served
  }

  /** Publishes what is served into poolings, and from then on each that the directory serves. @throws PoolingConfigError */
  async publishTo(poolings: readonly Pooling[]): Promise<void> {
    this.#poolings = poolings
    await this.#publish(this.#served)
    await this.#inTurn(() => this.#shadow?.look(this.#served, poolings)).catch(this.#tell)
    this.#following = this.#follow()
  }

  async snapshots(): Promise<readonly SnapshotInfo[]> {
    const infos: SnapshotInfo[] = []
    for (const directory of await listSnapshots(this.#options.directory)) {
      try {
        const manifest = await readManifest(directory)
        const { snapshot, frame, dataCutoffMs, publishedMs, verdict } = manifest
        const own = verdict.status === 'held' ? 'held' : 'available'
        const isShadow = snapshot === this.#shadow?.snapshot
        const state = snapshot === this.#served.snapshot ? 'served' : isShadow ? 'shadow' : own
        infos.push({ snapshot, state, frame, dataCutoffMs, publishedMs, drift: driftOf(manifest) })
      } catch (cause) {
        // One that is damaged could not be served either.
        if (!(cause instanceof SnapshotError)) throw cause
      }
    }
    return infos
  }

  /**
   * Serves a snapshot from now on, here and for everybody who follows the directory.
   * @throws UnknownSnapshotError where it is not there; SnapshotRefusedError where it is damaged, held, or of another schema
   * or width; EncoderDiedError
   */
  promote(snapshot: number): Promise<void> {
    return this.#inTurn(async () => {
      const { directory } = this.#options
      const path = await existing(directory, snapshot)
      const point = () => refusing(promoteSnapshot(directory, snapshot, false))
      if (snapshot === this.#served.snapshot) {
        // The directory may name one that this process has refused.
        if ((await refusing(servedSnapshot(directory))) !== snapshot) await point()
        return
      }
      const { verdict } = await refusing(readManifest(path))
      if (verdict.status === 'held')
        throw new SnapshotRefusedError(
          `snapshot ${snapshot} is held: ${verdict.reasons.join(' ')} Serve it all the same by ` +
            '`headwater snapshots promote --force`.',
        )
      await this.#loadAndServe(path, point)
    })
  }

  /** Goes back to the snapshot that the directory served before. @throws SnapshotRefusedError, EncoderDiedError */
  rollback(): Promise<number> {
    return this.#inTurn(async () => {
      const { directory } = this.#options
      const before = (await refusing(servedHistory(directory))).at(-2)
      const rollback = () => refusing(rollbackSnapshot(directory))
      // Without one before, it says so; and the one that this process serves may be that one, where the last was refused.
      if (before === undefined || before.snapshot === this.#served.snapshot) await rollback()
      else await this.#loadAndServe(await existing(directory, before.snapshot), rollback)
      return this.#served.snapshot
    })
  }

  shadow(): ShadowReport | null {
    return this.#shadow?.report(this.#served) ?? null
  }

  drift(): SnapshotInfo['drift'] {
    return driftOf(this.#served.manifest)
  }

  /** Ends following. The snapshots stay loaded until the encoder is closed. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#following
    await this.#changing
    this.#shadow?.stop(this.#poolings)
  }

  async #follow(): Promise<void> {
    const { pollMs = 500 } = this.#options
    while (await wait(pollMs, true, { signal: this.#abort.signal, ref: false }).catch(() => false))
      await this.#inTurn(() => this.#look()).catch(this.#tell)
  }

  async #look(): Promise<void> {
    const { directory } = this.#options
    const entry = (await servedHistory(directory)).at(-1)
    const seen = entryKey(entry)
    if (entry !== undefined && entry.snapshot !== this.#served.snapshot && seen !== this.#refused) {
      try {
        await this.#loadAndServe(await servableDirectory(directory, entry), async () => {})
      } catch (cause) {
        const judged = this.#deadly.judge(entry.snapshot, cause)
        // What is not the snapshot's fault is tried again.
        if (judged instanceof SnapshotRefusedError) this.#refused = seen!
        throw judged
      }
    }
    await this.#shadow?.look(this.#served, this.#poolings)
  }

  /** @param point makes the directory serve it, once it is known that this process can */
  async #loadAndServe(path: string, point: () => Promise<unknown>): Promise<void> {
    const before = this.#served
    const next = await this.#options.encoder.load(path)
    try {
      this.#checkFits(next)
      await this.#options.admit?.(next)
      try {
        await this.#publish(next)
        await point()
      } catch (cause) {
        await this.#publish(before).catch(this.#tell)
        throw cause
      }
    } catch (cause) {
      this.#leave(next)
      throw cause
    }
    this.#served = next
    this.#refused = null
    this.#options.onSwapped?.(next.snapshot, before.snapshot)
    this.#leave(before)
  }

  async #publish(snapshot: LoadedSnapshot): Promise<void> {
    for (const pooling of this.#poolings) await pooling.publish(this.#options.name, snapshot)
  }

  /** Refreshes that were due keep the snapshot of that time: it goes once the last of them has ended. */
  #leave(snapshot: LoadedSnapshot): void {
    releaseAfter(snapshot, this.#poolings).catch(this.#tell)
  }

  #checkFits({ directory, schema, dim }: LoadedSnapshot): void {
    const refuse = (why: string) =>
      new SnapshotRefusedError(`${directory} ${why}; the one before is served on. Start the server again to serve it.`)
    if (JSON.stringify(schema) !== JSON.stringify(this.#served.schema))
      throw refuse('has another schema, so states of users do not fit it')
    if (dim !== this.#served.dim) throw refuse(`gives ${dim} values, not ${this.#served.dim}`)
  }

  #inTurn<Result>(change: () => Result | Promise<Result>): Promise<Result> {
    const changed = this.#changing.then(change)
    this.#changing = changed.catch(() => undefined)
    return changed
  }
}

/** Snapshots of earlier versions did not measure all of it. */
function driftOf({ panel }: SnapshotManifest): SnapshotInfo['drift'] {
  if (panel?.effectiveRank === undefined) return null
  const { residual, centredCosine, varianceKept, effectiveRank } = panel
  return { residual, centredCosine, varianceKept, effectiveRank }
}
