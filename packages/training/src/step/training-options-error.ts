/** A training is configured in a way that cannot work: the option, what it needs and what it was given. */
export class TrainingOptionsError extends Error {
  override readonly name = 'TrainingOptionsError'
}

type Bound = readonly [option: string, value: number | string, holds: boolean, needs: string]

/** @param of what the options belong to, as in "Schedule" @throws TrainingOptionsError for the first bound that does not hold */
export function checkOptions(of: string, bounds: readonly Bound[]): void {
  for (const [option, value, holds, needs] of bounds)
    if (!holds) throw new TrainingOptionsError(`${of}, ${option}: needs ${needs}, got ${value}.`)
}

/** A number of at least 0 that f32 can hold. */
export const isFloat = (value: number) => value >= 0 && Math.fround(value) < Number.POSITIVE_INFINITY
