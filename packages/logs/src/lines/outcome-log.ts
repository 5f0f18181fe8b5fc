import type { Outcome, OutcomeLog, OutcomeName } from '@headwater/pooling'
import { sinceForgetting } from '@headwater/pooling'
import { LineLog, type LineLogOptions, type OpenLog, openLogOf } from './line-log.ts'

/** A log of outcomes that is open. */
export interface OpenOutcomeLog extends OutcomeLog, OpenLog {
  /** @param forgottenAtMs absent: no outcome is left out, as where nobody is ever forgotten */
  append(...args: [outcomes: readonly Outcome[], forgottenAtMs?: Parameters<OutcomeLog['append']>[1]]): Promise<void>
  recent(most: number, take: (outcomes: readonly OutcomeName[]) => void): Promise<void>
}

/**
 * Opens a log of outcomes: JSON lines of `downstream`, `request`, `user`, `prediction`, `label` and `time_ms`.
 *
 * @throws LogDirectoryError
 */
export async function openOutcomeLog(options: LineLogOptions): Promise<OpenOutcomeLog> {
  const log = await LineLog.open(options, {
    prefix: 'outcomes',
    where: 'outcome log',
    what: 'outcome',
    user: 'user',
  })
  return {
    ...openLogOf(log),
    append: (outcomes, forgottenAtMs) =>
      log.append(
        outcomes.map((outcome) => ({ line: lineOf(outcome), identity: null })),
        forgottenAtMs && (() => sinceForgetting(outcomes, forgottenAtMs)),
      ),
    recent: (most, take) => log.recent(most, (lines) => take(lines.map((line): OutcomeName => JSON.parse(line)))),
  }
}

function lineOf({ downstream, request, user, prediction, label, timeMs }: Outcome): string {
  return JSON.stringify({ downstream, request, user, prediction, label, time_ms: timeMs })
}
