/** What came of a prediction that a downstream model made from a served embedding. */
export interface Outcome {
  readonly downstream: string
  /** The request that the prediction was made in, as the served log names it. */
  readonly request: string
  readonly user: string | null
  /** Predicted probability of the label 1. */
  readonly prediction: number
  readonly label: 0 | 1
  readonly timeMs: number
}

/** Keeps outcomes, which are joined with the served log later. */
export interface OutcomeLog {
  /**
   * Resolves once they are durable.
   *
   * @param forgottenAtMs when users were last forgotten, −Infinity for those who were not. A log from which users are removed
   *   asks just before it writes, with no removal in between, and leaves out outcomes of that time or before
   */
  append(
    outcomes: readonly Outcome[],
    forgottenAtMs: (users: readonly string[]) => Promise<Float64Array>,
  ): Promise<void>
  /**
   * Tells of the outcomes that were kept last, the oldest first, a few at a time, so that those of before a restart are known when
   * they come again. Without it they are not.
   *
   * @param most how many are asked for; of more, the older ones are given too
   */
  recent?(most: number, take: (outcomes: readonly OutcomeName[]) => void): Promise<void>
}

/** What tells an outcome from all others of its tenant. */
export type OutcomeName = Pick<Outcome, 'downstream' | 'request'>
