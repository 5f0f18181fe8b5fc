/** Arrays for test cases and benches. */

/** `length` values uniform in [−scale, scale). */
export function uniform(length: number, random: () => number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => (random() * 2 - 1) * scale)
}

/** `length` whole numbers uniform in [0, below). */
export function integers(length: number, below: number, random: () => number): Uint32Array {
  return Uint32Array.from({ length }, () => Math.floor(random() * below))
}

/** Smallest multiple of 4 that is ≥ n: the row stride of an n-column tensor. */
export function padded(n: number): number {
  return Math.ceil(n / 4) * 4
}
