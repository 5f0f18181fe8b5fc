/** The messages of `GET /v1/models/{m}`, `POST /v1/models/{m}/promote` and `/rollback`. */

import { fieldOf, invalid, kindOf, objectAt } from '../codec/shape.ts'
import type { ErrorBody } from '../codec/wire-error.ts'

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

export interface ModelAnswer {
  readonly model: string
  readonly dim: number
  readonly snapshots: readonly SnapshotInfo[]
  readonly shadow: ShadowReport | null
  /** What was asked last, null where nothing was since the server's start. */
  readonly change: SnapshotChange | null
}

/** A promotion or a rollback. */
export type SnapshotChange =
  /** The snapshot is null in a rollback, of which it is not known yet where it leads. */
  | { readonly state: 'loading'; readonly snapshot: number | null; readonly error: null }
  | { readonly state: 'served'; readonly snapshot: number; readonly error: null }
  /** With the reason; the snapshot before is served on. */
  | { readonly state: 'refused'; readonly snapshot: number | null; readonly error: ErrorBody['error'] }

/** Of a change that takes longer than its request, with status 202. */
export interface SnapshotChangeAnswer {
  readonly model: string
  readonly change: SnapshotChange
}

/** What is served now. */
export interface ServedSnapshotAnswer {
  readonly model: string
  readonly snapshot: number
}

/** The number of the snapshot to promote. @throws WireError `invalid_request` */
export function parsePromoteMessage(body: unknown): number {
  const snapshot = fieldOf(objectAt(body, 'the body', ['snapshot']), 'snapshot')
  if (typeof snapshot === 'number' && Number.isInteger(snapshot) && snapshot >= 0) return snapshot
  throw invalid('snapshot', `is ${typeof snapshot === 'number' ? snapshot : kindOf(snapshot)}; give its number`)
}
