/**
 * What the writer of the crash rounds does, one numbered operation after the other, all drawn from a seed: so that another
 * process can tell what a store must hold after any of them.
 */
export const crashUsers = Array.from({ length: 12 }, (_, u) => `user ${u}`)
export const crashItems = Array.from({ length: 4 }, (_, i) => `item ${i}`)
export const crashDim = 32
export const crashModel = 'm'

/** Operation n is of this time. */
export const timeOf = (n: number) => 1_000_000_000_000 + n

/** Indices of users and items. `timeMs`: of the features, now and then from before the user was forgotten. */
export type Operation =
  | { readonly kind: 'append' | 'events'; readonly users: readonly number[]; readonly timeMs: number }
  | { readonly kind: 'states'; readonly user: number; readonly item: number; readonly timeMs: number }
  | { readonly kind: 'forget'; readonly user: number }

/** @returns operation n, and whether the writer waits for the disk after it */
export function operationOf(seed: number, n: number): Operation & { readonly flush: boolean } {
  const draw = drawing(seed, n)
  const flush = draw(5) === 0
  const kind = draw(10)
  const user = draw(crashUsers.length)
  const timeMs = timeOf(draw(6) === 0 ? Math.max(0, n - 25) : n)
  if (kind === 0) return { kind: 'forget', user, flush }
  if (kind <= 3) return { kind: 'states', user, item: draw(crashItems.length), timeMs, flush }
  const users = crashUsers.map((_, u) => u).filter(() => draw(3) === 0)
  return { kind: kind <= 6 ? 'events' : 'append', users, timeMs, flush }
}

/** Whole numbers below a bound, from a hash of seed, n and the draw's place. */
export function drawing(seed: number, n: number): (bound: number) => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(n, 0x85ebca6b)) >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}
