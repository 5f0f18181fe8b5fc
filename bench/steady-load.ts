/**
 * Whether a load was the share of what its server can do that it was meant to be. A virtual machine's speed may halve or double
 * within seconds, and with it what 70 % is.
 */

/** A load is near its share where it is within a tenth of it: 63 to 77 %. */
const tolerance = 0.1

/** Rounds with such a load below which all rounds are reported. */
export const leastSteady = 3

/** @param capacity a second, as measured behind the round; the load was set by that measured before it */
export function isNearShare(offered: number, share: number, capacity: number): boolean {
  return Math.abs(offered / (share * capacity) - 1) <= tolerance
}
