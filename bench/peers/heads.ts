/** Layouts of attention that peers like: [B, L, H, D] ↔ [B, H, L, D], and the mask as something to add. */
import type { AttentionWork } from '../workloads.ts'

function moved(x: Float32Array, { B, L, H, D }: AttentionWork, toFront: boolean): Float32Array {
  const y = new Float32Array(x.length)
  for (let b = 0; b < B; b++)
    for (let l = 0; l < L; l++)
      for (let h = 0; h < H; h++) {
        const [last, first] = [((b * L + l) * H + h) * D, ((b * H + h) * L + l) * D]
        const [from, to] = toFront ? [last, first] : [first, last]
        y.set(x.subarray(from, from + D), to)
      }
  return y
}

export const headsFirst = (x: Float32Array, work: AttentionWork) => moved(x, work, true)
export const headsLast = (x: Float32Array, work: AttentionWork) => moved(x, work, false)

/** [B, rows, L]: 0 for a key that counts, else −10⁹. */
export function maskOf(lengths: Int32Array, L: number, rows = 1): Float32Array {
  return Float32Array.from({ length: lengths.length * rows * L }, (_, i) =>
    i % L < lengths[Math.floor(i / (rows * L))] ? 0 : -1e9,
  )
}

/** [N, L, D] → [N, D, L] */
export function transposed(x: Float32Array, { L, D }: AttentionWork): Float32Array {
  const y = new Float32Array(x.length)
  for (let i = 0; i < x.length; i++) {
    const [d, l, n] = [i % D, Math.floor(i / D) % L, Math.floor(i / (L * D))]
    y[(n * D + d) * L + l] = x[i]
  }
  return y
}
