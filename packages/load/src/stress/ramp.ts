/** The rates of a stress: up by a factor until a step breaks, then between the last that held and the first that broke. */

export interface RampStep {
  readonly perSecond: number
  readonly hasBroken: boolean
}

export interface RampPlan {
  readonly maxRate: number
  readonly firstRate: number
}

const factor = Math.SQRT2
/** Halvings of what is between, after a step has broken: to a twelfth of √2 in the end. */
const refinements = 2

/** The next rate, or null where the limit is known well enough or the highest rate held. Rates are whole where above 10. */
export function nextRate({ maxRate, firstRate }: RampPlan, steps: readonly RampStep[]): number | null {
  if (steps.length === 0) return Math.min(firstRate, maxRate)
  const broken = steps.filter(({ hasBroken }) => hasBroken).map(({ perSecond }) => perSecond)
  const held = steps.filter(({ hasBroken }) => !hasBroken).map(({ perSecond }) => perSecond)
  if (broken.length === 0) {
    const highest = Math.max(...held)
    return highest >= maxRate ? null : Math.min(maxRate, round(highest * factor))
  }
  if (held.length === 0) return null
  const firstBroken = steps.findIndex(({ hasBroken }) => hasBroken)
  if (steps.length - firstBroken > refinements) return null
  const lowestBroken = Math.min(...broken)
  const below = Math.max(...held.filter((rate) => rate < lowestBroken))
  const next = round(Math.sqrt(below * lowestBroken))
  return next > below && next < lowestBroken ? next : null
}

const round = (rate: number) => (rate >= 10 ? Math.round(rate) : rate)
