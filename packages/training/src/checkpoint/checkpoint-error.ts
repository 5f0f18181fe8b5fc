/** A checkpoint cannot be written, read, or gone on from. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}
