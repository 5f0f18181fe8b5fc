export interface BackOffOptions {
  /** Pause before the first restart. Default 100. */
  readonly firstMs?: number
  /** Longest pause. Default 30,000. */
  readonly mostMs?: number
}

/**
 * Pauses between restarts: each about twice the one before, spread so that many processes do not restart as one.
 *
 * @returns gives the pause before the next restart, half to all of its bound, for the time that the process had been up; after
 *   as long as the longest pause, it counts as sound again
 */
export function backOff({ firstMs = 100, mostMs = 30_000 }: BackOffOptions = {}): (upMs: number) => number {
  if (!(firstMs > 0 && mostMs >= firstMs && Number.isFinite(mostMs)))
    throw new RangeError(`pauses of ${firstMs} to ${mostMs} ms are none; give a first over 0 and a longest no shorter`)
  let restarts = 0
  return (upMs) => {
    if (upMs >= mostMs) restarts = 0
    const boundMs = Math.min(mostMs, firstMs * 2 ** restarts++)
    return boundMs * (0.5 + 0.5 * Math.random())
  }
}
