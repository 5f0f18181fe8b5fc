/** The steps of a training as JSON lines. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { OnSteps, StepFigures } from '../step/train-step.ts'

/**
 * Begins a file of steps anew, or goes on behind a checkpoint's: those that a resumed training makes again are dropped.
 * A line has `step`, `loss` by task (nats; null without a known label), `gradientNorm` (of dense parameters, before clipping; null where
 * the step was left out), `rate` and `tablesRate`, and `rowsPerSecond` over the steps that were read back together.
 * @param lastStep that the checkpoint has read back; 0: none
 */
export function stepLog(path: string, tasks: readonly string[], lastStep = 0): OnSteps {
  const kept = lastStep > 0 && existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  // A line that a kill cut short is none.
  const lines = kept.filter((line) => line.endsWith('}') && stepOf(line) <= lastStep)
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  return (steps, elapsedMs) => {
    const rows = steps.reduce((sum, own) => sum + own.rows, 0)
    const rowsPerSecond = elapsedMs > 0 ? Math.round((1000 * rows) / elapsedMs) : null
    appendFileSync(path, steps.map((own) => `${JSON.stringify({ ...lineOf(own, tasks), rowsPerSecond })}\n`).join(''))
  }
}

function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step: number }).step
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function lineOf({ step, losses, gradientNorm, rates }: StepFigures, tasks: readonly string[]) {
  const loss = Object.fromEntries(tasks.map((task, t) => [task, losses[t]]))
  return { step, loss, gradientNorm, rate: rates.dense, tablesRate: rates.tables }
}
