/** What is said wherever a verdict of fewer than three training seeds is printed. */

const leastSeeds = 3

/** Null of as many seeds as a verdict needs. */
export function fewSeeds(seeds: readonly number[]): string | null {
  if (seeds.length >= leastSeeds) return null
  return seeds.length === 1 ? 'by one seed' : `by ${seeds.length} seeds`
}

/** A sentence; empty of as many seeds as a verdict needs. */
export function fewSeedsNotice(seeds: readonly number[]): string {
  const few = fewSeeds(seeds)
  return few === null ? '' : ` This is ${few}: fewer than ${leastSeeds} say little of what another would change.`
}
