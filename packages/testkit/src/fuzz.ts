import { type SeededRandom, seededRandom } from '@headwater/statistics'

export interface FuzzOptions {
  /** Number of seeds tried. Default 20. */
  runs?: number
  /** The seeds are `firstSeed`, `firstSeed + 1`, … Default 1. */
  firstSeed?: number
}

/** A fuzzed case failed: the message names the seed and the shape, the cause is what the body threw. */
export class FuzzError extends Error {
  readonly seed: number
  readonly shape: unknown

  constructor(seed: number, shape: unknown, cause: unknown) {
    const told = cause instanceof Error ? cause.message : String(cause)
    super(`Seed ${seed}, shape ${JSON.stringify(shape)}: ${told}`, { cause })
    this.name = 'FuzzError'
    this.seed = seed
    this.shape = shape
  }
}

/**
 * Draws one shape a seed and runs the body on it; the body draws its data from the same source.
 * To see one failure again, pass `{ firstSeed: thatSeed, runs: 1 }`.
 * @throws FuzzError at the first seed whose body throws.
 */
export async function fuzz<Shape>(
  draw: (random: SeededRandom) => Shape,
  body: (shape: Shape, random: SeededRandom) => void | Promise<void>,
  { runs = 20, firstSeed = 1 }: FuzzOptions = {},
): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const random = seededRandom(seed)
    const shape = draw(random)
    try {
      await body(shape, random)
    } catch (cause) {
      throw new FuzzError(seed, shape, cause)
    }
  }
}
