/** A simulated test that the log cannot give: what is wrong and what to do. */
export class UnfitTestError extends Error {
  override readonly name = 'UnfitTestError'

  constructor(reason: string, remedy: string) {
    super(`${reason}: ${remedy}`)
  }
}
