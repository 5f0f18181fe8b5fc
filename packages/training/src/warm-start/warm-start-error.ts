/** A training cannot begin from a snapshot. */
export class WarmStartError extends Error {
  override readonly name = 'WarmStartError'
}
