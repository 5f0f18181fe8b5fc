/** One pass over a log before the main job starts, so that what must fail at its end fails at once. */
import type { Log } from '@headwater/datasets'
import type { FeatureSpace, LogEvent } from '@headwater/features'
import { firstScoredRow } from './scores.ts'

/** A log on which the main job has nothing to measure: what it lacks and what to do. */
export class UnfitLogError extends Error {
  override readonly name = 'UnfitLogError'

  constructor(log: Log, reason: string, remedy: string) {
    super(`${log.name}: ${reason}; ${remedy}`)
  }
}

const leastRows = 1000
const recentEvents = 2000

/**
 * @param firstServedRow row before which the first snapshot is published
 * @returns the log's last events, 2,000 at most
 * @throws UnfitLogError where the log is short, its times do not go on behind `firstServedRow`, or the scored rows have
 *   one class or one user; EventError where a row's first task has no label
 */
export async function lookAhead(log: Log, space: FeatureSpace, firstServedRow: number): Promise<LogEvent[]> {
  const { rows, schema } = log
  if (rows < leastRows) {
    const reason = `the log has ${rows.toLocaleString('en')} rows`
    throw new UnfitLogError(log, reason, `the main job needs ${leastRows.toLocaleString('en')} for its rounds`)
  }
  const [task] = schema.tasks
  const scoredFrom = firstScoredRow(rows)
  const users = new Set<string>()
  let positives = 0
  let trainedUntilMs = 0
  let recent: LogEvent[] = []
  for await (const chunk of log.events()) {
    for (const event of chunk) {
      if (event.row === firstServedRow - 1) trainedUntilMs = event.timeMs
      const label = space.rankedLabel(event)
      if (event.row < scoredFrom) continue
      users.add(event.user)
      positives += label
    }
    recent = [...recent, ...chunk].slice(-recentEvents)
  }
  if (trainedUntilMs >= log.timeRange.lastMs) {
    const reason = `all rows from ${firstServedRow} on have one time, so none of them can be served what was learnt before`
    throw new UnfitLogError(log, reason, 'give times that tell the rows apart')
  }
  const scored = rows - scoredFrom
  const where = `the log's last ${scored.toLocaleString('en')} rows, on which models are scored,`
  if (positives === 0 || positives === scored) {
    const reason = `${where} have one class of task "${task.name}"`
    throw new UnfitLogError(log, reason, 'use a longer log, or another first task or "atLeast"')
  }
  if (users.size < 2) throw new UnfitLogError(log, `${where} have one user`, 'use a log of more users')
  return recent
}
