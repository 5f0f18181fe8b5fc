/** How learning rates change over the steps of a round. Pure. */
import { checkOptions } from './training-options-error.ts'

export interface Schedule {
  /** Steps over which rates rise in a straight line to their full height. */
  readonly warmUpSteps: number
  /** What follows: the full rate, or half a cosine from it down to `finalShare` (Loshchilov and Hutter 2017, SGDR). */
  readonly decay: 'constant' | 'cosine'
  /** Share of the full rate that a cosine ends at. */
  readonly finalShare: number
}

/** Full rates from the first step to the last. */
export const constantSchedule: Schedule = { warmUpSteps: 0, decay: 'constant', finalShare: 0 }

/** @throws TrainingOptionsError naming the option */
export function checkSchedule({ warmUpSteps, decay, finalShare }: Schedule): void {
  const isWarmUp = Number.isSafeInteger(warmUpSteps) && warmUpSteps >= 0
  checkOptions('Schedule', [
    ['warmUpSteps', warmUpSteps, isWarmUp, 'a whole number of at least 0'],
    ['decay', decay, decay === 'constant' || decay === 'cosine', 'constant or cosine'],
    ['finalShare', finalShare, finalShare >= 0 && finalShare <= 1, 'a share from 0 to 1'],
  ])
}

/**
 * Factor of every learning rate at a step, in [0, 1].
 * @param step of the round, from 1
 * @param total steps of the round; the last one has the final share
 */
export function rateFactor({ warmUpSteps, decay, finalShare }: Schedule, step: number, total: number): number {
  if (step <= warmUpSteps) return step / warmUpSteps
  if (decay === 'constant' || total <= warmUpSteps) return 1
  const progress = (step - warmUpSteps) / (total - warmUpSteps)
  return finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * progress))
}
