import { compileFeatures, type LogEvent, type Schema, type SideBatch } from '@headwater/features'
import type { Encoder } from '../src/index.ts'

const schema: Schema = {
  version: 1,
  name: 'test',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [{ name: 'rating', of: 'outcome', type: 'float' }],
  tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
  aggregations: [
    { name: 'item-mean', of: 'item', kind: 'mean', value: 'rating', shrinkage: 2, prior: 5 },
    { name: 'count', of: 'user', kind: 'count' },
    { name: 'mean', of: 'user', kind: 'mean', value: 'rating', shrinkage: 1, prior: 5 },
    { name: 'residual', of: 'user', kind: 'residual', value: 'rating', shrinkage: 1 },
    { name: 'recent', of: 'user', kind: 'sum', halfLifeDays: 0.01 },
    { name: 'since', of: 'user', kind: 'since' },
  ],
  sequence: { length: 3, value: 'rating', buckets: 64 },
}
export const space = compileFeatures(schema)
/** The same with fields of the user, of which events bring none. */
export const profileSpace = compileFeatures({
  ...schema,
  fields: [
    ...schema.fields,
    { name: 'country', of: 'user', type: 'id', buckets: 997 },
    { name: 'age', of: 'user', type: 'float' },
  ],
})
export const dim = 4
export const startMs = 1_700_000_000_000
export const policy = { count: 3, slot: 'snapshot' } as const
export const model = { name: 'm', dim, policy, defaultVector: Float32Array.of(9, 8, 7, 6) }

/** Any function of a row's inputs serves as a tower. */
export function embed(batch: SideBatch, row: number, snapshot: number): number[] {
  const columns = batch.dense.length / batch.rows
  const channels = batch.sequence!.channels.length / batch.rows
  return Array.from({ length: dim }, (_, d) => {
    let sum = snapshot / 8
    for (let c = 0; c < columns; c++) sum += batch.dense[row * columns + c] * Math.cos(c * dim + d + snapshot)
    for (let c = 0; c < channels; c++) sum += 0.01 * batch.sequence!.channels[row * channels + c]
    return sum + batch.sequence!.lengths[row]
  })
}

export function encoderOf(snapshot: number, frame = 0): Encoder & { readonly batches: (readonly string[])[] } {
  const batches: (readonly string[])[] = []
  const encode = async (batch: SideBatch, users: readonly string[]) => {
    batches.push([...users])
    return Float32Array.from(users.flatMap((_, row) => embed(batch, row, snapshot)))
  }
  return { snapshot, frame, dataCutoffMs: startMs, dim, batches, encode }
}

/** An encoder that answers a constant only when told. */
export function heldEncoder(snapshot: number, value: number) {
  const waiting: (() => void)[] = []
  const encoder: Encoder = {
    snapshot,
    frame: 0,
    dataCutoffMs: startMs,
    dim,
    encode: (_, users) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(new Float32Array(users.length * dim).fill(value)))
      }),
  }
  const called = async () => {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { encoder, called, held: () => waiting.length, release: () => waiting.shift()!() }
}

export function constantEncoder(snapshot: number, value: number, frame = 0): Encoder {
  const encode = async (_: SideBatch, users: readonly string[]) => new Float32Array(users.length * dim).fill(value)
  return { snapshot, frame, dataCutoffMs: startMs, dim, encode }
}

/** A clock that stands still until it is set. */
export function fakeClock() {
  const clock = { nowMs: startMs, now: () => clock.nowMs }
  return clock
}

let row = 0
export function eventOf(user: string, item: string, timeMs: number, rating = 7): LogEvent {
  return { row: row++, user, item, timeMs, values: [rating] }
}
