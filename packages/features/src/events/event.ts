/** A field's value in one row; null where it is missing. */
export type FieldValue = number | string | readonly string[] | Float32Array | null

/** How a row came to be on a log with `negatives`, where each item that was taken has rows of items that were not. */
export interface Draw {
  /** Whether the user took the item, as a row of the log itself says; else it was drawn beside one that was taken. */
  readonly taken: boolean
  /** How often the item was to be drawn beside what was taken: draws × its share of the live events. 0 where it is not live. */
  readonly expected: number
  /** Items that the user could have taken at this time, with the one that was: all live ones but what else was taken then. */
  readonly live: number
}

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
  /** Absent where the schema has no `negatives`, and of events as they happen. */
  readonly draw?: Draw
}

/** False of what was drawn as a negative, which changes no state. */
export const happened = ({ draw }: LogEvent) => draw?.taken !== false
