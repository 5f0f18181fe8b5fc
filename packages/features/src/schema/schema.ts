/**
 * The feature schema: what a row of a log holds, which labels it yields and which features are made of it.
 * It is plain JSON, travels inside every snapshot, and is the one definition that training and serving share.
 */

/** Largest magnitude of a number in an event. With the smallest scale, encoded values stay finite in float32. */
export const maxMagnitude = 1e30

/** Who a field describes: fixed for a user or item, known at request time, or known only after the event. */
export type FieldOwner = 'user' | 'item' | 'context' | 'outcome'

/** `float`: one number. `id`: one categorical value. `ids`: a list of them. `vector`: `size` numbers. */
export type FieldType = 'float' | 'id' | 'ids' | 'vector'

/** Of a time in UTC. */
export type CalendarPart = 'hour' | 'weekday'

export interface Field {
  name: string
  /** Column of the log; defaults to `name`. */
  column?: string
  of: FieldOwner
  type: FieldType
  /** `vector` only: its length. */
  size?: number
  /** `ids` only: values beyond this many are dropped. Default 8. */
  maxValues?: number
  /** `ids` and `vector`: what parts the entries where the log holds them as a text, 1 to 4 characters. Default `|`. */
  separator?: string
  /** `id` and `ids`: rows of the hashed embedding table. Default 4,096. */
  buckets?: number
  /** `float` and `vector`: value is encoded as (x − center) / scale. Defaults 0 and 1. */
  center?: number
  scale?: number
  /** `ids` in a `by`: the closed list of values that get a slot; others share one last slot. */
  values?: readonly string[]
}

/**
 * A label: 1 where the outcome field is at least `atLeast`, else 0. A 0/1 column uses `atLeast: 1`. Where the outcome is
 * missing the label is unknown, and the row teaches nothing of this task.
 */
export interface Task {
  name: string
  field: string
  atLeast: number
  /** Weight in the upstream loss. Default 1. */
  weight?: number
  /**
   * `float` field of outcome or context that weighs each row's label in the upstream loss: at least 0, 1 where missing.
   * Absent: all rows weigh 1.
   */
  weightBy?: string
  /**
   * Days from an event until its label is known, the attribution window. Training must not use the label before; the
   * outcome is no input of anything that would. Absent: it is known at once.
   */
  delayDays?: number
}

/**
 * A running statistic over the earlier events of one user, or of one item.
 * - `count`: log(1 + number of events)
 * - `mean`: shrunken mean of an outcome, (Σv + shrinkage · prior) / (n + shrinkage), encoded minus the prior
 * - `residual`: shrunken mean (prior 0) of the outcome minus the item's `mean` of the same outcome at that time
 * - `share`: weight of each `by` slot ÷ total weight
 * - `sum`: decayed Σ of the outcome (or of 1 where `value` is absent), per `by` slot, encoded log(1 + x)
 * - `since`: log(1 + seconds since the last event), encoded ÷ 16
 * - `effect`: what the user, the item or (with `by`) the user of a category adds to an outcome, estimated by a Kalman filter
 *   together with the other effects of the same outcome, so that each is free of the others' bias; without `by` also how
 *   much of it is unknown, from 1 (nothing is known) towards 0
 */
export type AggregationKind = 'count' | 'mean' | 'residual' | 'share' | 'sum' | 'since' | 'effect'

export interface Aggregation {
  name: string
  of: 'user' | 'item'
  kind: AggregationKind
  /** Outcome field whose value is aggregated. */
  value?: string
  /** Aggregates 1 where the value is at least this and 0 where it is below, as a task labels it, in the value's place. */
  atLeast?: number
  /** One slot per category: an `ids` item field with `values`, or an item `vector` (weights). */
  by?: string
  /** Weight of the prior, as a number of events. Of an `effect` the variance of an outcome's noise ÷ its own. Default 3. */
  shrinkage?: number
  /** Default 0. Of effects the item's has it: what is expected of an unknown user and item. */
  prior?: number
  /** Exponential decay of the accumulated weight, in days. Absent: no decay. */
  halfLifeDays?: number
  /**
   * The same in later events of the same user or item, whatever they were and whatever slots they have, in the order of
   * their arrival: the newest weighs 1. Beside `halfLifeDays` the two weights are multiplied. Absent: no decay.
   */
  halfLifeEvents?: number
}

/** The user's last events, newest last: item id, one outcome value, log time gap, categories. */
export interface SequenceFeature {
  /** Number of events kept, L. */
  length: number
  /** Outcome field stored with each event. */
  value: string
  /** Rows of the hashed item table that the sequence is looked up in. */
  buckets: number
  /** The value is encoded as (x − center) / scale. Defaults 0 and 1. */
  center?: number
  scale?: number
  /** `id` fields of item, context or outcome that are kept with each event, as an action or a surface. Default none. */
  categories?: readonly string[]
  /** Each event also has what its outcome is over its item's mean as that was just before, ÷ scale. Absent: no such channel. */
  residual?: true
  /** Each event also has 2^(−age ÷ half-life) for each of these, its weight in running statistics. Default none. */
  halfLivesDays?: readonly number[]
  /** Each event also has the hour or weekday of its time, in UTC, as categories of these names. Default none. */
  calendar?: readonly CalendarPart[]
}

/**
 * Of a log in which every row is something that was taken, as clicks or purchases alone: how rows of what was not taken are
 * drawn, the same in training, serving and evaluation. Beside each row, of the items that were live.
 */
export interface Negatives {
  /** Float outcome that the log does not hold: 1 of what was taken, 0 of what was drawn. The first task's. */
  outcome: string
  /** Draws a row. A draw of what the user took at that time is left out. */
  items: number
  /** An item is live when it was taken in so many days before. Default 30. */
  windowDays?: number
  /** Default 0. */
  seed?: number
}

export interface Schema {
  version: 1
  name: string
  user: string
  item: string
  time: { column: string; unit: 's' | 'ms' | 'us' | 'iso' }
  /** What parts the cells of a delimited text file, 1 to 4 bytes. Default: a tab in a `.tsv` file, else a comma. */
  delimiter?: string
  /** Column names of delimited text files whose first line holds none. */
  columns?: readonly string[]
  fields: readonly Field[]
  /** The first task is the one that downstream models rank by. */
  tasks: readonly Task[]
  aggregations: readonly Aggregation[]
  sequence?: SequenceFeature
  /** Rows of the item-id table, the tower's and the downstream models'. Default 16,384. */
  itemBuckets?: number
  /** Rows of the user-id table of downstream models (towers have none). Default 32,768. */
  userBuckets?: number
  /** Request time as context features. */
  calendar?: readonly CalendarPart[]
  /** The moment as of which a user is encoded, as features of the user: in a service that is their newest refresh. */
  userCalendar?: readonly CalendarPart[]
  /** Absent: the log's rows are all there is. */
  negatives?: Negatives
}
