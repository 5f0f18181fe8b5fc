/** Training left out more steps than it may: gradients were not finite. */
export class BadStepsError extends Error {
  override readonly name = 'BadStepsError'
  readonly skipped: number

  constructor(skipped: number, maxBadSteps: number, step: number) {
    super(
      `Training, step ${step}: ${skipped} steps of this round had a gradient that is not finite and were left out, more than maxBadSteps, ${maxBadSteps}. Lower the learning rates, clip gradients (maxNorm), or look for extreme values in the newest rows.`,
    )
    this.skipped = skipped
  }
}
