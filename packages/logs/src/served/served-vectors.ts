/** Rows of a served log one by one, as exports take them. */
import { type ServedRows, vectorOffsets } from './served-rows.ts'
import { readServedFile } from './served-table.ts'

export interface ServedRow {
  readonly request: string | null
  readonly user: string
  /** Milliseconds since 1970, as is `featureTimeMs`. */
  readonly servedMs: number
  readonly snapshot: number
  readonly frame: number
  readonly featureTimeMs: number
  /** A value of `servedStatus`. */
  readonly status: number
  /** What was served, [D] binary16; a part of memory that is not used again. */
  readonly halves: Uint16Array
}

/**
 * What was served of a model, in the order in which it was, a row group at a time.
 *
 * @param files as `servedFiles` lists them
 * @throws LogFormatError
 */
export async function* servedVectors(files: readonly string[], model: string): AsyncGenerator<readonly ServedRow[]> {
  for (const file of files) for await (const rows of readServedFile(file)) yield rowsOf(rows, model)
}

function rowsOf(rows: ServedRows, model: string): ServedRow[] {
  const offsets = vectorOffsets(rows.vector.dims)
  const found: ServedRow[] = []
  for (let row = 0; row < rows.rows; row++) {
    if (rows.model[row] !== model) continue
    found.push({
      request: rows.request[row],
      user: rows.user[row],
      servedMs: rows.servedMs[row],
      snapshot: rows.snapshot[row],
      frame: rows.frame[row],
      featureTimeMs: rows.featureTimeMs[row],
      status: rows.status[row],
      halves: rows.vector.halves.subarray(offsets[row], offsets[row + 1]),
    })
  }
  return found
}

/** A user at a time, of whom it is asked what was served by then. */
export interface AskedRow {
  readonly user: string
  readonly timeMs: number
}

/** An asked row by its place, and the last that its user was served at its time or before. */
export type AnsweredRow = readonly [place: number, row: ServedRow]

/**
 * For rows of users and times what each was served last by then; those of whom nothing was served are left out. Memory grows with
 * the rows that are asked for, not with the log.
 */
export async function* servedAsOf(
  files: readonly string[],
  model: string,
  asked: readonly AskedRow[],
): AsyncGenerator<readonly AnsweredRow[]> {
  interface Waiting {
    /** Places of the user's rows, those of later times first. */
    readonly places: number[]
    held: ServedRow | null
  }
  const byUser = new Map<string, Waiting>()
  const order = asked.map((_, place) => place).sort((a, b) => asked[b].timeMs - asked[a].timeMs || b - a)
  for (const place of order) {
    const { user } = asked[place]
    const waiting = byUser.get(user)
    if (waiting === undefined) byUser.set(user, { places: [place], held: null })
    else waiting.places.push(place)
  }
  let answered: AnsweredRow[] = []
  /** Rows of a user whose times are before what is served next. */
  const answer = ({ places, held }: Waiting, beforeMs: number) => {
    for (let place = places.at(-1); place !== undefined && asked[place].timeMs < beforeMs; place = places.at(-1)) {
      places.pop()
      if (held !== null) answered.push([place, held])
    }
  }
  for await (const rows of servedVectors(files, model)) {
    for (const row of rows) {
      const waiting = byUser.get(row.user)
      if (waiting === undefined) continue
      answer(waiting, row.servedMs)
      if (waiting.places.length === 0) byUser.delete(row.user)
      // A copy: the row group would stay in memory with it.
      else waiting.held = { ...row, halves: row.halves.slice() }
    }
    if (answered.length > 0) yield answered
    answered = []
  }
  for (const waiting of byUser.values()) answer(waiting, Number.POSITIVE_INFINITY)
  if (answered.length > 0) yield answered
}
