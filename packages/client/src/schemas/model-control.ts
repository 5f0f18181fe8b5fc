import type { ShadowReport, SnapshotInfo } from './messages.ts'

/** What an operator may do with a model's snapshots while it is served; errors are `@headwater/pooling`'s. */
export interface ModelControl {
  snapshots(): Promise<readonly SnapshotInfo[]>
  /**
   * Resolves once it is served, at once where it is already.
   * @throws UnknownSnapshotError where it is not there, SnapshotRefusedError where it cannot be; the one before is served on
   */
  promote(snapshot: number): Promise<void>
  /** @returns the snapshot that is served now */
  rollback(): Promise<number>
  /** Figures of the shadow snapshot on live traffic, NaN before its first row; null where there is none. */
  shadow(): ShadowReport | null
  /** Of the snapshot that is served; null where it was compared with nothing. */
  drift(): SnapshotInfo['drift']
}
