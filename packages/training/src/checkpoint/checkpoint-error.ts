/** A checkpoint cannot be written, read or resumed. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
}
