import { expect, test } from 'vitest'
import { parseSchema } from '../schema/parse-schema.ts'
import type { LogEvent } from './event.ts'
import { LogDigest } from './log-digest.ts'

const schemaOf = (name: string) =>
  parseSchema(
    {
      version: 1,
      name,
      user: 'user',
      item: 'item',
      time: { column: 'time', unit: 'ms' },
      fields: [
        { name: 'taste', of: 'user', type: 'vector', size: 2 },
        { name: 'rating', of: 'outcome', type: 'float' },
      ],
      tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
      aggregations: [],
    },
    'schema',
  )

const event = (row: number, rating: number): LogEvent => ({
  row,
  user: `u${row}`,
  item: 'i',
  timeMs: row,
  values: [Float32Array.of(0.5, rating), rating],
})

function digestOf(name: string, events: readonly LogEvent[]): string[] {
  const digest = new LogDigest(schemaOf(name))
  const parts = events.map((own) => {
    digest.add(own)
    return digest.hex
  })
  expect(digest.rows).toBe(events.length)
  return parts
}

test('a log has one digest, its first rows that of a shorter one, and every change another', () => {
  const events = [event(0, 8), event(1, 3), event(2, 9)]
  const parts = digestOf('a', events)
  expect(parts).toEqual(digestOf('a', events))
  expect(parts[1]).toBe(digestOf('a', events.slice(0, 2)).at(-1))
  const others = [
    digestOf('b', events),
    digestOf('a', events.toReversed()),
    digestOf('a', [...events.slice(0, 2), event(2, 8)]),
  ]
  expect(new Set([...parts, ...others.map((own) => own.at(-1))]).size).toBe(6)
  expect(parts[2]).toMatch(/^[0-9a-f]{24}$/)
})
