/** A field's value in one row; null where it is missing. */
export type FieldValue = number | string | readonly string[] | Float32Array | null

/** One row of a log: a user met an item at a time, with the schema's fields in the schema's order. */
export interface LogEvent {
  /** Position in the log's time order, from 0. */
  readonly row: number
  /** Unique among the user's events: one that comes again under an id of the user's last 64 changes nothing. */
  readonly id?: string
  readonly user: string
  readonly item: string
  /** Milliseconds since 1970. */
  readonly timeMs: number
  /** `values[i]` belongs to `schema.fields[i]`. */
  readonly values: readonly FieldValue[]
}
