/** A log cut into calls of `POST /v1/events`, each event with an id that is the same whenever the log is read. */
import { createHash } from 'node:crypto'
import type { LogEvent } from '@headwater/features'
import { CommandError } from '../../arguments/command-error.ts'

export type BatchedEvent = LogEvent & { readonly id: string }

/** How much of a log was sent: its first `events`, the last of them under this id. */
export interface LogMark {
  readonly events: number
  readonly id: string
}

export const logStart: LogMark = { events: 0, id: '' }

/** Below what a service takes by default: events, bytes and values of a call, and ids that it remembers of a user. */
export const callLimits = { events: 1_000, bytes: 900_000, values: 100_000, userEvents: 64 } as const

/**
 * Events after the mark, in calls within the limits. Those of one time share a call where the limits let them. An id is a
 * digest of the one before and the event: it names its event's place in this log and in no other.
 *
 * @throws CommandError where the events up to the mark are not those that it was set after
 */
export async function* eventBatches(
  chunks: AsyncIterable<readonly LogEvent[]>,
  mark: LogMark = logStart,
): AsyncGenerator<readonly BatchedEvent[]> {
  const { timeGroups } = await import('@headwater/features')
  let { events: passed, id } = logStart
  let batch = new OpenBatch()
  for await (const group of timeGroups(chunks)) {
    const sized: SizedEvent[] = []
    for (const event of group) {
      const text = JSON.stringify([event.user, event.item, event.timeMs, event.values.map(wireValue)])
      id = createHash('sha256').update(id).update(text).digest('base64url').slice(0, 22)
      if (++passed > mark.events) sized.push({ event: { ...event, id }, ...sizeOf(event, text) })
      else if (passed === mark.events && id !== mark.id) throw otherLog(mark)
    }
    if (!batch.takes(sized)) {
      yield batch.events
      batch = new OpenBatch()
    }
    for (const each of sized) {
      if (!batch.takes([each])) {
        yield batch.events
        batch = new OpenBatch()
      }
      batch.add(each)
    }
  }
  if (passed < mark.events) throw otherLog(mark)
  if (batch.events.length > 0) yield batch.events
}

function otherLog({ events }: LogMark): CommandError {
  const was = `its first ${events.toLocaleString('en')} events are not those that were sent before`
  return new CommandError(`the log has changed: ${was}; events may only be added after them`)
}

interface SizedEvent {
  readonly event: BatchedEvent
  /** At most, as MessagePack. */
  readonly bytes: number
  readonly values: number
}

/** JSON is longer than MessagePack but for numbers, which have 9 bytes there at most. */
function sizeOf({ values }: LogEvent, text: string): { readonly bytes: number; readonly values: number } {
  const count = values.reduce<number>((sum, value) => sum + 1 + (isList(value) ? value.length : 0), 4)
  return { bytes: Buffer.byteLength(text) + 9 * count + 30, values: count }
}

class OpenBatch {
  readonly events: BatchedEvent[] = []
  readonly #userEvents = new Map<string, number>()
  #bytes = 0
  #values = 0

  /** Whether there is room for all of these: always, where there is none yet. */
  takes(more: readonly SizedEvent[]): boolean {
    if (this.events.length === 0) return true
    const sum = (of: (each: SizedEvent) => number) => more.reduce((total, each) => total + of(each), 0)
    const added = new Map<string, number>()
    for (const { event } of more) added.set(event.user, (added.get(event.user) ?? 0) + 1)
    return (
      this.events.length + more.length <= callLimits.events &&
      this.#bytes + sum(({ bytes }) => bytes) <= callLimits.bytes &&
      this.#values + sum(({ values }) => values) <= callLimits.values &&
      [...added].every(([user, count]) => (this.#userEvents.get(user) ?? 0) + count <= callLimits.userEvents)
    )
  }

  add({ event, bytes, values }: SizedEvent): void {
    this.events.push(event)
    this.#userEvents.set(event.user, (this.#userEvents.get(event.user) ?? 0) + 1)
    this.#bytes += bytes
    this.#values += values
  }
}

function isList(value: LogEvent['values'][number]): value is readonly string[] | Float32Array {
  return typeof value === 'object' && value !== null
}

/** A value as a message has it. */
export const wireValue = (value: LogEvent['values'][number]) =>
  value instanceof Float32Array ? Array.from(value) : value
