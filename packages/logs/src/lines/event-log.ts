import type { FieldValue, LogEvent, Schema } from '@headwater/features'
import type { EventLog } from '@headwater/pooling'
import { sinceForgetting } from '@headwater/pooling'
import { LineLog, type LineLogOptions, type OpenLog, openLogOf } from './line-log.ts'

export interface EventLogOptions extends LineLogOptions {
  readonly schema: Schema
}

/** A log of events that is open. */
export interface OpenEventLog extends EventLog, OpenLog {
  /** @param forgottenAtMs absent: no event is left out, as where nobody is ever forgotten */
  append(...args: [events: readonly LogEvent[], forgottenAtMs?: Parameters<EventLog['append']>[1]]): Promise<void>
  checkWritable(): Promise<void>
}

/** Where a line has its event's id; a schema's columns do not clash with it. */
const idColumn = 'headwater_event_id'

/**
 * Opens a log of events in the form that `headwater train --follow` reads: JSON lines of the schema's columns, in the order in
 * which they are given. An event whose user and id the open file has already, or the one before it, is left out.
 *
 * @throws LogDirectoryError
 */
export async function openEventLog({ schema, ...options }: EventLogOptions): Promise<OpenEventLog> {
  const lineOf = lineWriter(schema)
  const log = await LineLog.open(options, {
    prefix: 'events',
    where: 'event log',
    what: 'event',
    user: schema.user,
    identity: (line) => (line[idColumn] === undefined ? null : identityOf(line[schema.user], line[idColumn])),
  })
  return {
    ...openLogOf(log),
    append: (events, forgottenAtMs) =>
      log.append(
        events.map((event) => ({
          line: lineOf(event),
          identity: event.id === undefined ? null : identityOf(event.user, event.id),
        })),
        forgottenAtMs && (() => sinceForgetting(events, forgottenAtMs)),
      ),
  }
}

/** Neither holds a NUL. */
function identityOf(user: unknown, id: unknown): string {
  return `${user}\0${id}`
}

/** Several fields may read one column, which a line has once. */
function lineWriter(schema: Schema): (event: LogEvent) => string {
  const { unit, column: timeColumn } = schema.time
  const timeOf = {
    s: (ms: number) => ms / 1000,
    ms: (ms: number) => ms,
    us: (ms: number) => ms * 1000,
    iso: (ms: number) => new Date(ms).toISOString(),
  }
  const columns = schema.fields.map(({ name, column = name }) => column)
  return ({ user, item, timeMs, values, id }) => {
    const line: Record<string, unknown> = Object.create(null)
    // A missing value is written too: readers want each column to be there.
    for (const [i, column] of columns.entries()) line[column] ??= plain(values[i])
    line[schema.user] = user
    line[schema.item] = item
    line[timeColumn] = timeOf[unit](timeMs)
    if (id !== undefined) line[idColumn] = id
    return JSON.stringify(line)
  }
}

function plain(value: FieldValue): unknown {
  return value instanceof Float32Array ? Array.from(value) : value
}
