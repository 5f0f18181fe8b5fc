/** The messages of `GET /v1/models/{m}`, `POST /v1/models/{m}/promote` and `/rollback`. */
import type { ShadowReport, SnapshotInfo } from '../model-control.ts'
import { fieldOf, invalid, kindOf, objectAt } from './shape.ts'
import type { ErrorBody } from './wire-error.ts'

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
