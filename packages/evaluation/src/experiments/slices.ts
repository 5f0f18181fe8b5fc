/** Parts of the test window that gains are looked at in. */
import type { ModelName } from '../downstream/family.ts'
import type { LabLog } from '../lab/log/lab-log.ts'

export interface Slice {
  readonly name: string
  /** Places among the model's rows. */
  readonly places: readonly number[]
}

const leastRows = 100

/** Ranges of whole numbers that begin at the edges: `to` is no longer in it, and the last has no end. */
export const buckets = (edges: readonly number[]) =>
  edges.map((from, i) => {
    const to = edges[i + 1] ?? Number.POSITIVE_INFINITY
    const name = to === from + 1 ? `${from}` : to === Number.POSITIVE_INFINITY ? `${from}+` : `${from}–${to - 1}`
    return { name, from, to }
  })

/** By surface, age of the user, and events that the user had before; slices of fewer than 100 rows are left out. */
export function slicesOf({ test, surface }: LabLog, model: ModelName): Slice[] {
  const { places } = test.models[model]
  const all: Slice[] = []
  const add = (name: string, holds: (place: number) => boolean) => {
    const inside = [...places.keys()].filter((i) => holds(places[i]))
    if (inside.length >= leastRows && inside.length < places.length) all.push({ name, places: inside })
  }
  for (const { name, from, to } of buckets([0, 1, 3, 10, 50]))
    add(`${name} earlier`, (place) => test.earlierEvents[place] >= from && test.earlierEvents[place] < to)
  for (const { name, from, to } of buckets([0, 1, 7, 30]))
    add(`${name} days old`, (place) => test.userAgeDays[place] >= from && test.userAgeDays[place] < to)
  const { surfaces } = test
  if (surfaces !== null && surface !== null)
    for (const value of [...new Set(surfaces)].sort())
      add(`${surface.field} ${value}`, (place) => surfaces[place] === value)
  return all
}
