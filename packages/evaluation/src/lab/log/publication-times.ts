import { timeGroups } from '@headwater/features'
import type { LabLog } from './lab-log.ts'

/** Time of the last event before each of the lab's publications, as every upstream of its log has them. */
export async function publicationTimes({ log, publicationRows }: LabLog, signal?: AbortSignal): Promise<number[]> {
  const due = [...publicationRows]
  const times: number[] = []
  let row = 0
  let lastMs = 0
  for await (const group of timeGroups(log.events())) {
    signal?.throwIfAborted()
    if (due.length === 0) break
    if (row >= due[0]) {
      due.shift()
      times.push(lastMs)
    }
    row += group.length
    lastMs = group[group.length - 1].timeMs
  }
  return times
}
