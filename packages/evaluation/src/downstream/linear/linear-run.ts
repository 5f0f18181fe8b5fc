/**
 * A linear model over a log, the baseline that an embedding must beat: a logistic regression on running statistics, fitted
 * anew every 2 % of the rows to all rows that are strictly earlier and whose labels are known by then.
 */
import {
  basketsOf,
  compileFeatures,
  type FeatureSpace,
  happened,
  LiveItems,
  type LogEvent,
  timeGroups,
} from '@headwater/features'
import { type FitReport, LogisticRegression } from '@headwater/statistics'
import { rankOfFirst } from '../rank.ts'
import { LinearStatistics, type Outcome } from './statistics.ts'

/** Part of the rows from one fit to the next, and before the first: until then every logit is 0. */
const fitShare = 0.02

interface TimedLog {
  readonly rows: number
  readonly schema: FeatureSpace['schema']
  events(): AsyncIterable<LogEvent[]>
}

export interface LinearPredictions {
  /** Of every row of the log, in order. */
  readonly logits: Float32Array
  /** Names of the regression's columns. */
  readonly columns: readonly string[]
  /** Of the chosen rows, the rank of what was taken: by the model, and by how often each item was taken before. */
  readonly ranks: readonly number[]
  readonly popularityRanks: readonly number[]
  /** Of the last fit; null where the log was too short for one. */
  readonly fit: FitReport | null
}

/**
 * Predicts the first task's label of every row. The same log gives the same logits: nothing is drawn.
 * @param chosen rows of something taken, at which all that could have been is ranked
 * @param onRows sees how many rows are predicted
 * @throws EventError where a row has no label; SchemaError, ReplayMemoryError where statistics are too many or too large
 */
export async function linearPredictions(
  log: TimedLog,
  signal?: AbortSignal,
  onRows?: (rows: number) => void,
  chosen: ReadonlySet<number> = new Set(),
): Promise<LinearPredictions> {
  const space = compileFeatures(log.schema)
  const every = Math.max(1, Math.round(fitShare * log.rows))
  const statistics = new LinearStatistics(log.schema, await outcomesOf(log, every))
  const C = statistics.columns.length
  /** Of the rows whose label is known, which are as many as `labelled` so far. */
  const values = new Float32Array(log.rows * C)
  const labels = new Uint8Array(log.rows)
  const timesMs = new Float64Array(log.rows)
  const logits = new Float32Array(log.rows)
  const model = new LogisticRegression(C)
  const live = chosen.size > 0 ? new LiveItems(log.schema) : null
  const candidate = new Float32Array(C)
  const ranks: number[] = []
  const popularityRanks: number[] = []
  const { delayMs } = space.tasks[0]
  let [labelled, known] = [0, 0]
  let nextFit = every
  for await (const group of timeGroups(log.events())) {
    signal?.throwIfAborted()
    const [{ row: first, timeMs }] = group
    if (first >= nextFit) {
      while (known < labelled && timesMs[known] + delayMs < timeMs) known++
      if (known > 0) model.fit(values, labels, known)
      nextFit = first - (first % every) + every
      onRows?.(first)
    }
    live?.advance(timeMs)
    for (const event of group) {
      const { row } = event
      if (live && chosen.has(row)) {
        const candidates = live.candidates(event, basketsOf(group).get(event.user)!)
        const expected = Float64Array.from(candidates, ({ draw }) => draw!.expected)
        const own = Float32Array.from(candidates, (other) => {
          statistics.encode(other, candidate, 0)
          return model.logit(candidate, 0)
        })
        ranks.push(rankOfFirst(own, expected))
        popularityRanks.push(rankOfFirst(new Float32Array(own.length), expected))
      }
      statistics.encode(event, values, labelled * C)
      logits[row] = model.logit(values, labelled * C)
      const label = space.rankedLabel(event)
      if (label === null) continue
      labels[labelled] = label
      timesMs[labelled++] = timeMs
    }
    statistics.ingest(group)
    if (live) for (const event of group.filter(happened)) live.add(event)
  }
  onRows?.(log.rows)
  const fit = known > 0 ? model.report(values, labels, known) : null
  return { logits, columns: statistics.columns, ranks, popularityRanks, fit }
}

/** What the statistics are of: the first task's outcome where it is known at once, else that of the sequence, else none. */
async function outcomesOf(log: TimedLog, firstRows: number): Promise<Outcome[]> {
  const { schema } = log
  const [task] = schema.tasks
  const isLate = (field: string) => schema.tasks.some((own) => own.field === field && own.delayDays !== undefined)
  const value = [task.field, schema.sequence?.value].find(
    (field) => field !== undefined && !isLate(field) && field !== schema.negatives?.outcome,
  )
  if (value === undefined) return []
  const field = schema.fields.findIndex(({ name }) => name === value)
  const seen: number[] = []
  let rows = 0
  read: for await (const chunk of log.events())
    for (const { values } of chunk) {
      if (rows++ >= firstRows) break read
      const own = values[field]
      if (typeof own === 'number') seen.push(own)
    }
  const meanOf = (all: readonly number[]) =>
    all.length === 0 ? 0 : all.reduce((sum, own) => sum + own, 0) / all.length
  const plain = { name: 'value', value, mean: meanOf(seen) }
  if (value !== task.field) return [plain]
  const labels = seen.map((own) => (own >= task.atLeast ? 1 : 0))
  const label = { name: 'label', value, atLeast: task.atLeast, mean: meanOf(labels) }
  // A column of 0 and 1 is its own label.
  return seen.every((own, i) => own === labels[i]) ? [label] : [label, plain]
}
