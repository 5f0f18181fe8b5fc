import { integers } from '../examples/example.ts'

/** From how many sequences on all are full: shapes that large are timed, and `cost` counts full sequences. */
const timed = 64

/** Lengths of example sequences of up to `most`: a full one, an empty one where there are several, and random ones. */
export function exampleLengths(count: number, most: number, random: () => number): Uint32Array {
  const lengths = integers(count, most + 1, random)
  if (count >= timed) lengths.fill(most)
  lengths[0] = most
  if (count > 1) lengths[1] = 0
  return lengths
}
