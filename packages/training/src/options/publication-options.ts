/** How snapshots are lined up, compared and judged. */
import type { AlignmentMethod } from '@headwater/snapshot'
import { checkOptions, isFloat } from '../step/training-options-error.ts'

/** Bounds of what is served. */
export interface GateOptions {
  /** Rise of a task's normalized entropy over the served snapshot's, as a share of that one, beyond which is held. */
  readonly maxNeIncrease: number
  /** How many standard errors of the difference are forgiven on top, so that a small round is not held for noise. */
  readonly standardErrors: number
  /** Fewest held-back rows to judge predictions on. */
  readonly minRows: number
  /** Bound on Σ predictions ÷ Σ labels and its inverse. */
  readonly maxCalibrationRatio: number
  /** Panel residual beyond which is held. */
  readonly maxResidual: number
  /** Bound on the ratio of mean norms, new to old, and its inverse. */
  readonly maxNormRatio: number
}

/** `docs/snapshots.md` says why these. */
export const defaultGate: GateOptions = {
  maxNeIncrease: 0.002,
  standardErrors: 2,
  minRows: 200,
  maxCalibrationRatio: 1.25,
  maxResidual: 0.8,
  maxNormRatio: 1.25,
}

export interface PublicationOptions {
  /**
   * How the published vectors are kept in line with those of the served snapshot: rotated at publication ('procrustes'),
   * held near while training ('distillation'), both, or neither.
   */
  readonly alignment: AlignmentMethod
  /** λ of distillation: what the mean squared distance from the served snapshot's vectors weighs in the loss. */
  readonly distillationWeight: number
  /** Users that snapshots are compared on, at most. */
  readonly panelUsers: number
  /** Part of each round's new rows, the last ones, that is held back from its training and trained on in the next. */
  readonly heldBackShare: number
  /** Most rows held back; more make the comparison no better and the training worse. */
  readonly maxHeldBackRows: number
  /** Panel residual up to which a snapshot stays in the frame of the one before, so that their vectors may be averaged. */
  readonly maxFrameResidual: number
  readonly gate: GateOptions
  /** Version of the code, for the manifest; null where it is not known. */
  readonly codeVersion: string | null
}

/** `docs/snapshots.md` says why these. */
export const defaultPublication: PublicationOptions = {
  alignment: 'procrustes',
  distillationWeight: 0.1,
  panelUsers: 2000,
  heldBackShare: 0.1,
  maxHeldBackRows: 20_000,
  maxFrameResidual: 0.5,
  gate: defaultGate,
  codeVersion: null,
}

/** Whether published vectors are rotated. */
export const rotates = (alignment: AlignmentMethod) => alignment === 'procrustes' || alignment === 'both'

/** Whether the served snapshot teaches the rounds. */
export const distils = (alignment: AlignmentMethod) => alignment === 'distillation' || alignment === 'both'

/** @throws TrainingOptionsError naming the option */
export function checkPublicationOptions(options: PublicationOptions): void {
  const { alignment, distillationWeight, panelUsers, heldBackShare, maxHeldBackRows, maxFrameResidual, gate } = options
  const isWhole = (value: number, least: number) => Number.isInteger(value) && value >= least
  const { minRows } = gate
  checkOptions('Publication', [
    ['alignment', alignment, alignments.includes(alignment), 'procrustes, distillation, both or none'],
    ['distillationWeight', distillationWeight, isFloat(distillationWeight), 'a number of at least 0'],
    ['panelUsers', panelUsers, isWhole(panelUsers, 2) && panelUsers <= 65_536, 'a whole number from 2 to 65,536'],
    ['heldBackShare', heldBackShare, heldBackShare >= 0 && heldBackShare <= 0.5, 'a share from 0 to 0.5'],
    ['maxHeldBackRows', maxHeldBackRows, isWhole(maxHeldBackRows, 0), 'a whole number'],
    ['gate.minRows', minRows, isWhole(minRows, 1), 'a whole number of at least 1'],
    ...(['maxNeIncrease', 'standardErrors', 'maxResidual'] as const).map(
      (name) => [`gate.${name}`, gate[name], gate[name] >= 0, 'a number of at least 0'] as const,
    ),
    ...(['maxCalibrationRatio', 'maxNormRatio'] as const).map(
      (name) => [`gate.${name}`, gate[name], gate[name] >= 1, 'a factor of at least 1'] as const,
    ),
    ['maxFrameResidual', maxFrameResidual, maxFrameResidual >= 0, 'a number of at least 0'],
  ])
}

const alignments: readonly AlignmentMethod[] = ['procrustes', 'distillation', 'both', 'none']
