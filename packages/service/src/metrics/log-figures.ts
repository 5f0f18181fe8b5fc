/** Figures of the logs that a service keeps: events, outcomes, and what was served. */
import type { Figures } from '../figures/figures.ts'

/** What a log counts of itself. */
export interface LogCounters {
  /** Rows that it took. */
  readonly rows: number
  /** Files that it finished. */
  readonly files: number
  /** Rows left out, as too many were waiting to be written. */
  readonly dropped?: number
  /** Rows that waited when the process before ended, or that its files had and have no more. */
  readonly lost?: number
  /** Rows that it refused, as it could not write them. */
  readonly failed?: number
}

/**
 * Adds figures of logs to those of a service, as its option `alsoMetrics` has it.
 *
 * @param logs by kind, say `served`; each gives the counters of its logs, one a tenant
 */
export function registerLogMetrics(figures: Figures, logs: Readonly<Record<string, () => readonly LogCounters[]>>) {
  const add = (name: string, help: string, key: keyof LogCounters) =>
    figures.counters(name, help, ['log'], () =>
      Object.entries(logs).map(([kind, read]) => [[kind], read().reduce((sum, each) => sum + (each[key] ?? 0), 0)]),
    )
  add('headwater_log_rows_total', 'Rows that a log took.', 'rows')
  add('headwater_log_files_total', 'Files that a log finished.', 'files')
  add('headwater_log_rows_dropped_total', 'Rows that a log left out, as writing did not keep up.', 'dropped')
  add('headwater_log_rows_lost_total', 'Rows of the process before that are missing at the start.', 'lost')
  add('headwater_log_rows_failed_total', 'Rows that a log refused, as it could not write them.', 'failed')
}
