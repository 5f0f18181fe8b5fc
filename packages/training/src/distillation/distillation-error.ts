/** A snapshot cannot teach the tower that is trained. */
export class DistillationError extends Error {
  override readonly name = 'DistillationError'
}
