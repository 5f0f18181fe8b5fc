/** An experiment that cannot be run: what is wrong, where, and what to do. It is said before any training starts. */
export class ExperimentError extends Error {
  override readonly name = 'ExperimentError'

  constructor(where: string, reason: string, remedy: string) {
    super(`${where}: ${reason}; ${remedy}`)
  }
}
