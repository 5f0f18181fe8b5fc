import type { Log } from '@headwater/datasets'
import type { ScoredRows } from './predictions.ts'

/** Reads what rows of a log are of. @param rows ascending, [R] @param label their labels, [R] */
export async function readScoredRows(log: Log, row: Uint32Array, label: Uint8Array): Promise<ScoredRows> {
  const [users, items] = [new Map<string, number>(), new Map<string, number>()]
  const [user, item] = [new Uint32Array(row.length), new Uint32Array(row.length)]
  const timeMs = new Float64Array(row.length)
  let place = 0
  for await (const events of log.events())
    for (const event of events) {
      const numbers = [numberIn(users, event.user), numberIn(items, event.item)]
      if (event.row !== row[place]) continue
      ;[user[place], item[place]] = numbers
      timeMs[place++] = event.timeMs
    }
  return { row, user, item, userNames: [...users.keys()], itemNames: [...items.keys()], timeMs, label }
}

function numberIn(numbers: Map<string, number>, name: string): number {
  const number = numbers.get(name) ?? numbers.size
  numbers.set(name, number)
  return number
}
