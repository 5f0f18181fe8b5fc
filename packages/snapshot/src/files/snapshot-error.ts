/** A directory that is no whole snapshot of a format that this version reads, or a place that cannot take one. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}
