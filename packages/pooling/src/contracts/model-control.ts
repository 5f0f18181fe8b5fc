/** What became of one snapshot of a model. */
export interface SnapshotInfo {
  readonly snapshot: number
  /** `held`: the publication gate keeps it back. `available`: it could be promoted. */
  readonly state: 'served' | 'shadow' | 'held' | 'available'
  readonly frame: number
  readonly dataCutoffMs: number
  readonly publishedMs: number | null
}

/** What two snapshots make of the same users, who were kept for comparing them. */
export interface PanelComparison {
  readonly users: number
  /** ‖new − old‖ ÷ ‖old − mean of old‖, Frobenius: the share of what tells users apart that did not carry over. */
  readonly residual: number
  /** Mean over users of the cosine between both vectors. */
  readonly cosine: number
  /** Mean over users of ‖new − old‖ ÷ ‖old‖. */
  readonly relativeL2: number
  /** Mean norm of the old and of the new vectors. */
  readonly oldNorm: number
  readonly newNorm: number
}

/** A shadow snapshot's vectors beside those of the one that is served, on the same rows. Without rows its figures are NaN. */
export interface ShadowReport {
  readonly snapshot: number
  readonly rows: number
  readonly cosineMean: number
  /** A hundredth of the rows lies below. */
  readonly cosineP1: number
  /** Norm of the shadow's vector over that of the served one's. */
  readonly normRatioMean: number
  /** Cosines of vectors of different alignment frames say nothing. */
  readonly sameFrame: boolean
  /** Over the shadow's panel; the served snapshot is the old one. Null until it is computed, and where there is none. */
  readonly panel: PanelComparison | null
}

/** What an operator may do with a model's snapshots while it is served. */
export interface ModelControl {
  snapshots(): Promise<readonly SnapshotInfo[]>
  /**
   * Resolves once it is served, at once where it is already.
   * @throws UnknownSnapshotError where it is not there, SnapshotRefusedError where it cannot be; the one before is served on
   */
  promote(snapshot: number): Promise<void>
  /** @returns the snapshot that is served now */
  rollback(): Promise<number>
  /** Figures of the shadow snapshot on live traffic, null where there is none. */
  shadow(): ShadowReport | null
  /**
   * Mean cosine between the vectors of the snapshot that is served and those of the one that was when it was published, over
   * the panel's users; null where it began an alignment frame, or nothing was compared.
   */
  cosineToPrevious(): number | null
}
