/**
 * Whether a load was the share of what its server can do that it was meant to be. A virtual machine's speed may halve or double
 * within seconds, and with it what 70 % is.
 */

/** A load is near its share where it is within a tenth of it: 63 to 77 %. */
const tolerance = 0.1

/** Steady rounds below which all rounds are reported. */
const leastSteady = 3

/** Rounds that count: the steady ones, or all where there are too few of those. */
export function counted<Round extends { readonly isSteady: boolean }>(rounds: readonly Round[]): readonly Round[] {
  const steady = rounds.filter(({ isSteady }) => isSteady)
  return steady.length < leastSteady ? rounds : steady
}

/** @param capacity a second, as measured behind the round or in it; the load was set by an earlier one */
export function isNearShare(offered: number, share: number, capacity: number): boolean {
  return Math.abs(offered / (share * capacity) - 1) <= tolerance
}
