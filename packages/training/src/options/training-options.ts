/** How a training is set up, and what a round comes to. */
import type { ModelConfig } from '@headwater/runtime'
import type { Rates } from '../step/optimizer-step.ts'
import { constantSchedule, type Schedule } from '../step/schedule.ts'
import { defaultPublication, type PublicationOptions } from './publication-options.ts'

export interface TrainingOptions {
  readonly config: ModelConfig
  readonly seed: number
  /** R, rows of a step. */
  readonly batchRows: number
  /** Passes over everything before the first snapshot. */
  readonly firstEpochs: number
  readonly firstRates: Rates
  readonly roundRates: Rates
  /** Of every round, from its first step on. */
  readonly schedule: Schedule
  /** Norm to which gradients are clipped; 0: they are not. */
  readonly maxNorm: number
  /** Steps of a round that may be left out for a gradient that is not finite. */
  readonly maxBadSteps: number
  readonly publication: PublicationOptions
}

export const defaultTraining: Omit<TrainingOptions, 'config' | 'seed'> = {
  batchRows: 512,
  firstEpochs: 2,
  firstRates: { dense: 1e-3, tables: 0.02, weightDecay: 0.01 },
  roundRates: { dense: 5e-4, tables: 0.02, weightDecay: 0.01 },
  schedule: constantSchedule,
  maxNorm: 0,
  maxBadSteps: 10,
  publication: defaultPublication,
}

/** A round's figures. */
export interface RoundSummary {
  readonly steps: number
  /** Mean training loss of the first task, nats; NaN where there was nothing to train on. */
  readonly loss: number
  /** Steps left out since their gradient was not finite. */
  readonly skipped: number
  /** Steps whose gradient was clipped. */
  readonly clipped: number
}

export const noRound: RoundSummary = { steps: 0, loss: Number.NaN, skipped: 0, clipped: 0 }

export type Progress = (done: number, total: number) => void
