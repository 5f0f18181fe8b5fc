/** Costs of parts out of costs of wholes: least squares of relative errors, no cost below 0. */

export interface FitPoint {
  /** How often each part is in it. */
  readonly parts: readonly number[]
  readonly measured: number
}

const sweeps = 100_000

/** Coordinate descent: the sum of squares is convex, and each step is its least along one part. */
export function nonNegativeFit(points: readonly FitPoint[]): readonly number[] {
  const rows = points.map(({ parts, measured }) => parts.map((part) => part / measured))
  const costs = new Array<number>(points[0].parts.length).fill(0)
  for (let sweep = 0; sweep < sweeps; sweep++)
    for (let k = 0; k < costs.length; k++) {
      let [along, square] = [0, 0]
      for (const row of rows) {
        const rest = row.reduce((sum, part, j) => (j === k ? sum : sum - part * costs[j]), 1)
        along += row[k] * rest
        square += row[k] ** 2
      }
      costs[k] = Math.max(0, along / square)
    }
  return costs
}
