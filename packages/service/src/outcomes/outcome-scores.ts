import { hash } from 'node:crypto'
import { WireError } from '@headwater/client/wire'
import type { Outcome, OutcomeLog, OutcomeName } from '@headwater/pooling'
import { binaryEntropy, logLossOfProbability } from '@headwater/statistics'

/** Outcomes after which one counts half: a score is of the last 14,427 or so, half-life ÷ ln 2. */
const halfLifeOutcomes = 10_000
/** Names of downstream models that a tenant may use: each is a figure of its own. */
export const maxDownstreams = 32
/** Outcomes of a tenant among which one that comes again is known. */
export const repeatWindow = 65_536

/** How a downstream model fares. */
export interface DownstreamScore {
  readonly downstream: string
  /** Null while the window holds labels of one kind alone. */
  readonly normalizedEntropy: number | null
  /** Outcomes scored since the start. */
  readonly rows: number
}

/**
 * Progressive normalized entropy: each prediction was made before its label was known, so the score is of what is served. Sums
 * are weighted by 2^(−age ÷ half-life), an outcome's age being the number of those since: the mean log loss over the entropy
 * of the base rate, both of the same window (He et al. 2014, "Practical lessons from predicting clicks on ads at Facebook").
 */
export class DecayedScore {
  readonly #keep: number
  #loss = 0
  #positives = 0
  #negatives = 0
  rows = 0

  constructor(halfLife: number) {
    this.#keep = 2 ** (-1 / halfLife)
  }

  add(prediction: number, label: 0 | 1): void {
    this.#loss = this.#loss * this.#keep + logLossOfProbability(prediction, label)
    this.#positives = this.#positives * this.#keep + label
    this.#negatives = this.#negatives * this.#keep + (1 - label)
    this.rows++
  }

  get normalizedEntropy(): number | null {
    const weight = this.#positives + this.#negatives
    const rate = this.#positives / weight
    return rate > 0 && rate < 1 ? this.#loss / weight / binaryEntropy(rate) : null
  }
}

type ForgottenAt = Parameters<OutcomeLog['append']>[1]

/** A tenant's outcomes: kept durably, then scored. A second outcome of a request is passed over. */
export class OutcomeScores {
  readonly #log: OutcomeLog | null
  readonly #forgottenAtMs: ForgottenAt
  readonly #scores = new Map<string, DecayedScore>()
  /** Digests of outcomes, the oldest first: what a key takes does not matter then. */
  readonly #known = new Set<number>()
  #hasRecalled = false
  /** Calls go one after another, so that one that comes again waits for what becomes of the first. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param forgottenAtMs of the tenant's store, for the log */
  constructor(log: OutcomeLog | null, forgottenAtMs: ForgottenAt) {
    this.#log = log
    this.#forgottenAtMs = forgottenAtMs
    // Where that fails, the first call does it again and gets the error.
    this.#last = this.#recall().catch(() => {})
  }

  get all(): readonly DownstreamScore[] {
    return [...this.#scores].map(([downstream, score]) => scoreOf(downstream, score))
  }

  /**
   * @param outcomes of one downstream model
   * @returns how many were new, and the score after them
   * @throws WireError `too_many_downstreams`; errors of the log: nothing is scored then, and all may be sent again
   */
  add(downstream: string, outcomes: readonly Outcome[]): Promise<{ accepted: number; score: DownstreamScore }> {
    const done = this.#last.then(() => this.#add(downstream, outcomes))
    this.#last = done.catch(() => {})
    return done
  }

  async #add(downstream: string, outcomes: readonly Outcome[]) {
    await this.#recall()
    const known = this.#scores.get(downstream)
    if (known === undefined && this.#scores.size >= maxDownstreams) {
      throw new WireError(
        'too_many_downstreams',
        `${maxDownstreams} downstream models are scored already; use one of their names`,
      )
    }
    const fresh = new Map<number, Outcome>()
    for (const outcome of outcomes) {
      const digest = digestOf(outcome)
      if (!this.#known.has(digest) && !fresh.has(digest)) fresh.set(digest, outcome)
    }
    const score = known ?? new DecayedScore(halfLifeOutcomes)
    if (fresh.size > 0) {
      const accepted = [...fresh.values()]
      await this.#log?.append(accepted, this.#forgottenAtMs)
      this.#scores.set(downstream, score)
      for (const { prediction, label } of accepted) score.add(prediction, label)
      this.#remember(fresh.keys())
    }
    return { accepted: fresh.size, score: scoreOf(downstream, score) }
  }

  /** Knows, of what the log had before the start, as much as is known of what comes since. */
  async #recall(): Promise<void> {
    if (this.#hasRecalled) return
    await this.#log?.recent?.(repeatWindow, (outcomes) => this.#remember(outcomes.map(digestOf)))
    this.#hasRecalled = true
  }

  #remember(digests: Iterable<number>): void {
    for (const digest of digests) this.#known.add(digest)
    for (const digest of this.#known) {
      if (this.#known.size <= repeatWindow) break
      this.#known.delete(digest)
    }
  }
}

function scoreOf(downstream: string, { normalizedEntropy, rows }: DecayedScore): DownstreamScore {
  return { downstream, normalizedEntropy, rows }
}

/** 48 bits: among 65,536 known ones, one in four thousand million is taken for another. */
function digestOf({ downstream, request }: OutcomeName): number {
  return hash('sha256', `${downstream}\0${request}`, 'buffer').readUIntBE(0, 6)
}
