/**
 * What pointwise attention adds to a score: a number for how many places, and one for how many seconds, lie between two
 * events, by the power of two that 1 + the distance is at least: 0, 1 – 2, 3 – 6, …, and what is farther in the last bucket.
 */

/** `silu(x)` and `bucket(distance, buckets)`. */
export const scoreWgsl = /* wgsl */ `
fn silu(x: f32) -> f32 { return select(x / (1.0 + exp(-x)), 0.0, x < -80.0); }
fn bucket(distance: u32, buckets: u32) -> u32 { return min(firstLeadingBit(distance + 1u), buckets - 1u); }
`

export const siluReference = (x: number): number => (x === Number.NEGATIVE_INFINITY ? 0 : x / (1 + Math.exp(-x)))
export const siluSlopeReference = (x: number): number => {
  const sigmoid = 1 / (1 + Math.exp(-x))
  return sigmoid * (1 + x * (1 - sigmoid))
}
export const bucketReference = (distance: number, buckets: number): number =>
  Math.min(Math.floor(Math.log2(distance + 1)), buckets - 1)

/** First event and number of events of B rows of up to `most`, every other time one behind the other without a gap. */
export function exampleRows(count: number, most: number, lengths: Uint32Array): Uint32Array {
  let next = 0
  return Uint32Array.from({ length: count * 2 }, (_, i) => {
    const b = i >> 1
    if (i % 2 === 1) return lengths[b]!
    const first = count % 2 === 0 ? b * most : next
    next += lengths[b]!
    return first
  })
}

/** Ages in seconds, of all orders of magnitude; nothing asks for the newest to come last. */
export const exampleAges = (count: number, random: () => number): Uint32Array =>
  Uint32Array.from({ length: count }, () => Math.floor(2 ** (random() * 32)) - 1)
