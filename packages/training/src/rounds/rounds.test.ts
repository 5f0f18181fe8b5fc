import type { LogEvent } from '@headwater/features'
import { describe, expect, it } from 'vitest'
import { roundsByTime } from './rounds.ts'

const hourMs = 3_600_000
const startMs = Date.UTC(2024, 4, 1)
const event = (row: number, hours: number): LogEvent => ({
  row,
  user: 'u',
  item: 'i',
  timeMs: startMs + hours * hourMs,
  values: [],
})

/** A log of events at these hours, in chunks of two, and whether its stream was left properly. */
function logOf(hours: readonly number[]) {
  const state = { left: false }
  async function* events() {
    try {
      for (let i = 0; i < hours.length; i += 2) yield hours.slice(i, i + 2).map((hour, at) => event(i + at, hour))
    } finally {
      state.left = true
    }
  }
  return { log: { timeRange: { firstMs: startMs + hours[0] * hourMs }, events }, state }
}

async function cut(hours: readonly number[], everyHours: number) {
  const rounds: { label: string; rows: number[][] }[] = []
  for await (const { label, groups } of roundsByTime(logOf(hours).log, everyHours * hourMs)) {
    const rows: number[][] = []
    for await (const group of groups) rows.push(group.map(({ row }) => row))
    rounds.push({ label, rows })
  }
  return rounds
}

describe('rounds by log time', () => {
  it('start with the first event, hold groups of equal time whole, and end where the next begins', async () => {
    expect(await cut([6, 6, 6, 17.9, 18, 29, 30], 12)).toEqual([
      { label: '2024-05-01 06:00 to 2024-05-01 18:00', rows: [[0, 1, 2], [3]] },
      { label: '2024-05-01 18:00 to 2024-05-02 06:00', rows: [[4], [5]] },
      { label: '2024-05-02 06:00 to 2024-05-02 18:00', rows: [[6]] },
    ])
  })

  it('pass over spans without events', async () => {
    expect((await cut([0, 1, 1000, 1001], 24)).map(({ label, rows }) => [label.slice(0, 10), rows])).toEqual([
      ['2024-05-01', [[0], [1]]],
      ['2024-06-11', [[2], [3]]],
    ])
  })

  it('leave the log when they are left', async () => {
    const { log, state } = logOf([0, 1, 30, 31])
    for await (const { groups } of roundsByTime(log, 24 * hourMs)) {
      for await (const _ of groups);
      break
    }
    expect(state.left).toBe(true)
  })
})
