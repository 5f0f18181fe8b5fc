/** A training that goes through a log in rounds, publishes a snapshot each, and can be cut off at any moment. */
import type { LogEvent } from '@headwater/features'
import { nextSnapshotNumber, type SnapshotManifest } from '@headwater/snapshot'
import { CheckpointError } from '../checkpoint/checkpoint-error.ts'
import type { CheckpointFile } from '../checkpoint/checkpoint-file.ts'
import type { Checkpoints } from '../checkpoint/checkpoints.ts'
import type { RoundSummary } from '../options/training-options.ts'
import { publishOnce } from './publish-once.ts'
import type { RecurringTraining } from './recurring-training.ts'
import type { RoundEvents } from './rounds.ts'

/** A round as it ended. */
export interface RoundReport {
  /** From 1. */
  readonly round: number
  readonly label: string
  /** Events fed to it. */
  readonly events: number
  /** Null where all its steps were made before a checkpoint, and only the publication was left. */
  readonly summary: RoundSummary | null
  readonly manifest: SnapshotManifest
}

/** Receives the progress of a run. */
export interface RunReporter {
  /** A round begins to be read. */
  feed(label: string): void
  /** Events of it read so far. */
  fed(events: number): void
  /** Its training begins. */
  train(): void
  trained(steps: number, totalSteps: number): void
  published(report: RoundReport): void
  warning(message: string): void
}

export interface TrainingRunOptions {
  /** Freshly made, of nothing fed. */
  readonly training: RecurringTraining
  /** Where snapshots are published. */
  readonly modelDirectory: string
  readonly rounds: AsyncIterable<RoundEvents>
  /** Rounds at which the run ends, those before a checkpoint counted. */
  readonly maxRounds: number
  readonly checkpoints: Checkpoints
  /** Steps of a round between two checkpoints; there is one more at the end of each round. */
  readonly checkpointEverySteps: number
  /** From `checkpoints.newest()`; it is closed. */
  readonly resumeFrom: CheckpointFile | null
  readonly reporter: RunReporter
  /** Ends the run with its reason, behind a checkpoint. */
  readonly signal?: AbortSignal | undefined
}

/**
 * @returns number of rounds finished, those before a checkpoint counted
 * @throws CheckpointError where the log is not the one that the checkpoint was made on, BadStepsError, the signal's reason,
 * and what training, publication and the log throw. The newest checkpoint and the served snapshot stay as they are then.
 */
export async function trainInRounds(options: TrainingRunOptions): Promise<number> {
  const run = new TrainingRun(options)
  try {
    return await run.run()
  } finally {
    await options.checkpoints.settled()
    await options.resumeFrom?.close()
  }
}

class TrainingRun {
  readonly #options: TrainingRunOptions
  #resumeFrom: CheckpointFile | null
  #rounds = 0
  /** Of the rounds finished. */
  #labels: readonly string[] = []
  #fed = 0
  #events = 0
  /** By task: labels known, and those of 1 among them. */
  #known: number[]
  #positives: number[]
  readonly #rowLabels: Uint8Array
  readonly #rowWeights: Float32Array

  constructor(options: TrainingRunOptions) {
    this.#options = options
    this.#resumeFrom = options.resumeFrom
    const tasks = options.training.space.tasks.length
    this.#known = new Array(tasks).fill(0)
    this.#positives = new Array(tasks).fill(0)
    this.#rowLabels = new Uint8Array(tasks)
    this.#rowWeights = new Float32Array(tasks)
  }

  async run(): Promise<number> {
    const { training, modelDirectory, rounds, maxRounds, reporter, signal } = this.#options
    training.teachFrom(modelDirectory)
    training.compile(signal)
    for await (const { label, groups } of rounds) {
      reporter.feed(label)
      this.#beginRound()
      for await (const group of groups) {
        signal?.throwIfAborted()
        this.#feed(group)
        if (this.#resumeFrom && this.#fed >= this.#resumeFrom.header.state.training.examples) await this.#resume(label)
      }
      if (this.#events > 0 && !this.#resumeFrom && this.#rounds < maxRounds) await this.#finish(label, null)
      if (!this.#resumeFrom && this.#rounds >= maxRounds) break
    }
    if (this.#resumeFrom) {
      const { path, header } = this.#resumeFrom
      throw new CheckpointError(
        `Checkpoint ${path} was made on a longer log: ${header.state.training.examples} rows, this one has ${this.#fed}. Give the log that it was made on, or start in a new directory.`,
      )
    }
    return this.#rounds
  }

  #beginRound(): void {
    this.#events = 0
    this.#known.fill(0)
    this.#positives.fill(0)
  }

  #feed(group: readonly LogEvent[]): void {
    const { training, reporter } = this.#options
    training.feed(group)
    for (const event of group) {
      training.space.labels(event, this.#rowLabels, this.#rowWeights)
      for (const [t, label] of this.#rowLabels.entries()) {
        if (this.#rowWeights[t] === 0) continue
        this.#known[t]++
        this.#positives[t] += label
      }
    }
    this.#fed += group.length
    this.#events += group.length
    reporter.fed(this.#events)
  }

  /** To be called once all events before the checkpoint were fed again: continues where it was made. */
  async #resume(label: string): Promise<void> {
    const checkpoint = this.#resumeFrom!
    await this.#options.training.restore(checkpoint)
    this.#resumeFrom = null
    this.#rounds = checkpoint.header.state.rounds
    this.#labels = checkpoint.header.state.labels.slice(0, -1)
    await this.#finish(label, checkpoint)
    // A log that has grown since may have more of this round: it makes one of its own.
    this.#beginRound()
  }

  /** Trains on what was fed and publishes, as far as `checkpoint` has not seen it done. */
  async #finish(label: string, checkpoint: CheckpointFile | null): Promise<void> {
    const { training, modelDirectory, checkpoints, checkpointEverySteps, reporter, signal } = this.#options
    const before = checkpoint?.header.state
    const snapshot = before?.snapshot ?? (await nextSnapshotNumber(modelDirectory))
    const labels = [...this.#labels, label]
    const save = async () => {
      const { state, buffers } = training.capture()
      await checkpoints.save({ rounds: this.#rounds, labels, snapshot, training: state }, buffers)
    }
    let summary: RoundSummary | null = null
    if (before?.training.roundSteps !== null) {
      this.#warnOfOneClass(label)
      reporter.train()
      summary = await training.round(
        (done, total) => reporter.trained(done, total),
        signal,
        async (steps) => {
          checkpoints.stepped()
          if (steps % checkpointEverySteps === 0 || signal?.aborted) await save()
        },
      )
      await save()
      await checkpoints.settled()
    }
    const manifest = await publishOnce(training, modelDirectory, snapshot)
    this.#rounds++
    this.#labels = labels
    if (summary && summary.skipped > 0)
      reporter.warning(
        `Round ${this.#rounds}: ${summary.skipped} of ${summary.steps} steps were left out, their gradient was not finite.`,
      )
    reporter.published({ round: this.#rounds, label, events: this.#events, summary, manifest })
  }

  #warnOfOneClass(label: string): void {
    const { training, reporter } = this.#options
    for (const [t, { name }] of training.space.tasks.entries()) {
      const [known, ones] = [this.#known[t], this.#positives[t]]
      if (ones > 0 && ones < known) continue
      const what = known === 0 ? 'no label is known' : `all ${known} labels are ${ones === 0 ? 0 : 1}`
      reporter.warning(
        `Round of ${label}, task ${name}: ${what}, there is nothing to tell apart. Longer rounds would have both.`,
      )
    }
  }
}
