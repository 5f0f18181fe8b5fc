/** Whether a new snapshot is served. Its figures against bounds; pure. */

import type { ForwardFigures, ForwardTask, PanelFigures, Verdict } from '@headwater/snapshot'
import type { GateOptions } from '../options/publication-options.ts'

/** What the gate looks at. */
export interface GateFigures {
  /** Number of the served snapshot, null where none is. */
  readonly parent: number | null
  /** Null where the panel could not be compared; `noPanel` then says why. */
  readonly panel: PanelFigures | null
  readonly noPanel: { readonly why: string; readonly hold: boolean } | null
  readonly forward: ForwardFigures | null
  /** What could not be compared, a sentence each. */
  readonly notes?: readonly string[]
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`
const figure = (value: number) => value.toFixed(4)
/** How far a ratio is from 1 in either direction: 1 or more. */
const ratioAway = (ratio: number) => (ratio > 0 ? Math.max(ratio, 1 / ratio) : Number.POSITIVE_INFINITY)

/** @returns `held` with a reason for every bound that is passed, else `published`; what could not be judged is noted. */
export function judge(
  { parent, panel, noPanel, forward, notes: given = [] }: GateFigures,
  options: GateOptions,
): Verdict {
  const reasons: string[] = []
  const notes = [...given]
  if (parent === null) notes.push('No snapshot is served yet: there is nothing to compare with.')
  if (panel) reasons.push(...judgePanel(panel, options))
  else if (noPanel) (noPanel.hold ? reasons : notes).push(noPanel.why)
  const rows = forward?.rows ?? 0
  if (rows < options.minRows)
    notes.push(`Predictions are not judged: ${rows} rows were held back, ${options.minRows} are needed.`)
  else
    for (const task of forward?.tasks ?? []) {
      if (task.rows < options.minRows) {
        notes.push(
          `Task ${task.task}: predictions are not judged, of ${task.rows} held-back rows the label is known, ${options.minRows} are needed.`,
        )
        continue
      }
      if (task.ne === null) notes.push(`Task ${task.task}: normalized entropy is not judged, its rows have one class.`)
      reasons.push(...judgeEntropy(task, options), ...judgeCalibration(task, options))
    }
  return { status: reasons.length > 0 ? 'held' : 'published', reasons, notes }
}

function judgePanel({ users, residual, oldNorm, newNorm }: PanelFigures, options: GateOptions): string[] {
  const reasons: string[] = []
  if (!(residual <= options.maxResidual))
    reasons.push(
      `Panel residual is ${figure(residual)} over ${users} users, the bound is ${options.maxResidual}: the vectors have little in common with those served.`,
    )
  const ratio = newNorm / oldNorm
  if (!(ratioAway(ratio) <= options.maxNormRatio))
    reasons.push(
      `Mean norm of the panel's vectors went from ${figure(oldNorm)} to ${figure(newNorm)}, beyond a factor of ${options.maxNormRatio}.`,
    )
  return reasons
}

function judgeEntropy({ task, rows, ne, parentNe, neStandardError }: ForwardTask, options: GateOptions): string[] {
  if (ne === null || parentNe === null) return []
  const bound = options.maxNeIncrease * parentNe + options.standardErrors * (neStandardError ?? 0)
  if (ne - parentNe <= bound) return []
  const rise = `${figure(parentNe)} to ${figure(ne)} (+${percent(ne / parentNe - 1)})`
  return [
    `Task ${task}: normalized entropy on ${rows} held-back rows rose from ${rise}; the bound is ${percent(options.maxNeIncrease)} and ${options.standardErrors} standard errors of ${percent((neStandardError ?? 0) / parentNe)}.`,
  ]
}

/** Out of bounds counts only where the served snapshot is not as far out: rates that shift by themselves hold nobody back. */
function judgeCalibration(
  { task, positives, calibration, parentCalibration }: ForwardTask,
  options: GateOptions,
): string[] {
  if (calibration === null) return []
  // Σ labels is a count: its own relative error is 1 ÷ its root.
  const bound = options.maxCalibrationRatio + options.standardErrors / Math.sqrt(positives)
  if (ratioAway(calibration) <= bound) return []
  if (parentCalibration !== null && ratioAway(calibration) <= ratioAway(parentCalibration)) return []
  const before = parentCalibration === null ? '' : `, the served snapshot's ${figure(parentCalibration)}`
  return [
    `Task ${task}: predictions sum to ${figure(calibration)} of the labels${before}; the bound is a factor of ${figure(bound)}.`,
  ]
}
