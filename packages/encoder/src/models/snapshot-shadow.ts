import type { PanelComparison, ShadowReport } from '@headwater/client'
import type { Pooling } from '@headwater/pooling'
import { SnapshotRefusedError } from '@headwater/pooling'
import { listSnapshots, readManifest, snapshotDirectory, snapshotNumber } from '@headwater/snapshot'
import { type LoadedSnapshot, releaseAfter } from '../process/loaded-snapshot.ts'
import { DeadlyLoads } from './deadly-loads.ts'
import type { LoadOptions } from './first-snapshot.ts'
import { ShadowFigures } from './shadow-figures.ts'

export interface ShadowChoice {
  /** A number, or the newest of those that the gate held after the one that is served. */
  readonly snapshot: number | 'latest-held'
  /** Share of the batches that go through both, above 0 and at most 1. */
  readonly share: number
}

export interface ShadowEvents {
  /** Computes the shadow's panel by both, for the report; null where it has none. Absent: live traffic alone is compared. */
  readonly comparePanel?: (shadow: LoadedSnapshot, served: LoadedSnapshot) => Promise<PanelComparison | null>
  /** Called when a snapshot is computed beside the one that is served, once their panel is compared. */
  readonly onShadowed?: (shadow: LoadedSnapshot, served: LoadedSnapshot, panel: PanelComparison | null) => void
}

type SnapshotShadowOptions = LoadOptions & ShadowEvents

/** A shadow, and the snapshot that it is compared with. */
interface Compared {
  readonly snapshot: LoadedSnapshot
  readonly figures: ShadowFigures
  readonly servedBeside: number
  /** Null until both have computed it, and where it is not compared. */
  panel: PanelComparison | null
}

/** A second snapshot of a model, computed on a share of its live traffic. Its vectors are written nowhere. */
export class SnapshotShadow {
  readonly #choice: ShadowChoice
  readonly #options: SnapshotShadowOptions
  readonly #deadly = new DeadlyLoads()
  #loaded: Compared | null = null
  /** One that could not be loaded, not to be tried again. */
  #refused: number | null = null

  constructor(choice: ShadowChoice, options: SnapshotShadowOptions) {
    this.#choice = choice
    this.#options = options
  }

  /** Number of the snapshot, null where there is none now. */
  get snapshot(): number | null {
    return this.#loaded?.snapshot.snapshot ?? null
  }

  report(served: LoadedSnapshot): ShadowReport | null {
    if (this.#loaded === null) return null
    const { snapshot, figures, panel } = this.#loaded
    return { snapshot: snapshot.snapshot, ...figures.values, sameFrame: snapshot.frame === served.frame, panel }
  }

  /**
   * Takes up the snapshot that is to be compared now, and drops the one before.
   * @throws SnapshotRefusedError, once a snapshot; EncoderDiedError
   */
  async look(served: LoadedSnapshot, poolings: readonly Pooling[]): Promise<void> {
    const wanted = await this.#wanted(served.snapshot)
    if (wanted !== this.snapshot) {
      this.#drop(poolings)
      if (wanted !== null && wanted !== this.#refused) await this.#take(wanted, served, poolings)
    } else if (this.#loaded !== null && this.#loaded.servedBeside !== served.snapshot)
      // Figures against another snapshot say nothing of this one.
      this.#compare(this.#loaded.snapshot, served, poolings)
  }

  stop(poolings: readonly Pooling[]): void {
    for (const pooling of poolings) pooling.shadow(this.#options.name, null)
  }

  async #wanted(served: number): Promise<number | null> {
    const { snapshot } = this.#choice
    if (snapshot !== 'latest-held') return snapshot === served ? null : snapshot
    const later = (await listSnapshots(this.#options.directory)).filter((path) => snapshotNumber(path) > served)
    for (const path of later.reverse()) {
      const manifest = await readManifest(path).catch(() => null)
      if (manifest?.verdict.status === 'held') return manifest.snapshot
    }
    return null
  }

  async #take(number: number, served: LoadedSnapshot, poolings: readonly Pooling[]): Promise<void> {
    const { encoder, directory } = this.#options
    try {
      const snapshot = await encoder.load(snapshotDirectory(directory, number))
      if (JSON.stringify(snapshot.schema) !== JSON.stringify(served.schema) || snapshot.dim !== served.dim) {
        await snapshot.release()
        throw new SnapshotRefusedError(`snapshot ${number} has another schema or width, and cannot be a shadow`)
      }
      this.#compare(snapshot, served, poolings)
    } catch (cause) {
      const judged = this.#deadly.judge(number, cause)
      if (judged instanceof SnapshotRefusedError) this.#refused = number
      throw judged
    }
  }

  #compare(snapshot: LoadedSnapshot, served: LoadedSnapshot, poolings: readonly Pooling[]): void {
    const figures = new ShadowFigures(served.dim)
    const compared: Compared = { snapshot, figures, servedBeside: served.snapshot, panel: null }
    this.#loaded = compared
    for (const pooling of poolings)
      pooling.shadow(this.#options.name, snapshot, {
        share: this.#choice.share,
        onCompared: (_users, live, shadow) => figures.add(live, shadow),
      })
    void this.#comparePanel(compared, served)
  }

  /** Live traffic is compared meanwhile. */
  async #comparePanel(compared: Compared, served: LoadedSnapshot): Promise<void> {
    const { comparePanel, onShadowed, onError } = this.#options
    try {
      compared.panel = (await comparePanel?.(compared.snapshot, served)) ?? null
      if (this.#loaded === compared) onShadowed?.(compared.snapshot, served, compared.panel)
    } catch (error) {
      // One that was dropped meanwhile has nothing to say.
      if (this.#loaded === compared) onError?.(error)
    }
  }

  #drop(poolings: readonly Pooling[]): void {
    if (this.#loaded === null) return
    const { snapshot } = this.#loaded
    this.#loaded = null
    this.stop(poolings)
    releaseAfter(snapshot, poolings).catch((error) => this.#options.onError?.(error))
  }
}
