/** How the vectors of several snapshots become one, by the store's rule. */
import { floatToHalf, halfToFloat } from '@headwater/binary16'
import type { Capture } from './as-of-replay.ts'

export interface Averaging {
  /** What they weigh, the newest first; their number is that of the snapshots averaged. */
  readonly weights: readonly number[]
  /** Vectors whose features lie further behind the newest one's are left out. */
  readonly maxLagMs: number
}

/**
 * Weighted average of what is held: of the newest one's frame, not far behind it, in half precision.
 * @param frames of the publications; null: whatever the frames
 */
export function pooled(
  held: readonly Capture<Float32Array>[],
  { weights, maxLagMs }: Averaging,
  frames: readonly number[] | null,
): Float32Array {
  const [newest] = held
  const taken = held
    .filter(({ snapshot, featureTimeMs }) => {
      const sharesFrame = frames === null || frames[snapshot] === frames[newest.snapshot]
      return sharesFrame && newest.featureTimeMs - featureTimeMs <= maxLagMs
    })
    .slice(0, weights.length)
  if (taken.length === 1) return newest.value!
  const sum = weights.slice(0, taken.length).reduce((a, b) => a + b, 0)
  const average = new Float32Array(newest.value!.length)
  for (let d = 0; d < average.length; d++) {
    let value = 0
    for (let i = 0; i < taken.length; i++) value += (weights[i] / sum) * taken[i].value![d]
    average[d] = value
    average[d] = halfToFloat(floatToHalf(average[d]))
  }
  return average
}
