/** Parts of the test window that gains are looked at in. */
import type { ModelName } from '../downstream/family.ts'
import type { LabLog } from '../lab/log/lab-log.ts'
import type { GapShare } from '../report/findings.ts'
import { formatPercent } from '../report/format.ts'

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

/** Shares of the gap in a sentence; empty where there are none. */
export function gapFigures(gaps: readonly GapShare[]): string {
  const told = (arm: string, model: string) => {
    const found = gaps.find((own) => own.arm === arm && own.model === model)
    return found && formatPercent(found.share.value)
  }
  const [head, headLate] = [told('head-synchronous', 'head'), told('head-asynchronous', 'head')]
  const [fresh, late] = [told('synchronous', 'ranking'), told('asynchronous', 'ranking')]
  if (head === undefined) return ''
  return ` Of the gap between knowing nothing of the user and the filtered optimum, the upstream's own head closes ${head} synchronously and ${headLate} asynchronously, a downstream head trained on served vectors ${fresh} and ${late}.`
}
