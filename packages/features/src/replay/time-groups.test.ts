import { expect, it } from 'vitest'
import type { LogEvent } from '../events/event.ts'
import { timeGroups } from './time-groups.ts'

const event = (row: number, timeMs: number): LogEvent => ({ row, user: 'u', item: 'i', timeMs, values: [] })

async function* inChunks(times: readonly number[], size: number) {
  for (let i = 0; i < times.length; i += size) yield times.slice(i, i + size).map((t, j) => event(i + j, t))
}

it('keeps events of equal time together, however the chunks fall', async () => {
  const times = [1, 1, 2, 3, 3, 3, 3, 4, 5, 5]
  for (let size = 1; size <= times.length; size++) {
    const groups: number[][] = []
    for await (const group of timeGroups(inChunks(times, size))) groups.push(group.map((e) => e.row))
    expect(groups).toEqual([[0, 1], [2], [3, 4, 5, 6], [7], [8, 9]])
  }
})

it('gives nothing for an empty log', async () => {
  for await (const group of timeGroups(inChunks([], 1))) expect.unreachable(`a group of ${group.length}`)
})
