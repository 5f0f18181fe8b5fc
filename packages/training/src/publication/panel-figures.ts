/** How two snapshots' vectors of the same users compare. Shape letters: U users, J width of a vector. */
import type { PanelFigures } from '@headwater/snapshot'
import { meanVector } from './procrustes.ts'

type Vectors = Float32Array | Float64Array

/** ‖new − old‖ ÷ ‖old − mean of old‖, Frobenius: 0 where they agree, about √2 where they have nothing in common. */
function panelResidual(before: Vectors, after: Vectors, dim: number): number {
  const mean = meanVector(before, dim)
  let moved = 0
  let spread = 0
  for (let i = 0; i < before.length; i++) {
    moved += (after[i] - before[i]) ** 2
    spread += (before[i] - mean[i % dim]) ** 2
  }
  // Vectors that are all the same tell users apart in no way; moved or not is all that is left to say.
  if (spread === 0) return moved === 0 ? 0 : Number.MAX_VALUE
  return Math.sqrt(moved / spread)
}

/** @param before published vectors [U, J] of the old snapshot @param after of the new @param unaligned the new, before alignment */
export function panelFigures(before: Vectors, after: Vectors, unaligned: Vectors, dim: number): PanelFigures {
  const users = before.length / dim
  let cosine = 0
  let relativeL2 = 0
  let oldNorm = 0
  let newNorm = 0
  for (let u = 0; u < users; u++) {
    let dot = 0
    let oldSquare = 0
    let newSquare = 0
    let moved = 0
    for (let i = u * dim; i < (u + 1) * dim; i++) {
      dot += before[i] * after[i]
      oldSquare += before[i] ** 2
      newSquare += after[i] ** 2
      moved += (after[i] - before[i]) ** 2
    }
    // A vector of zeros has no direction: it counts as equal to another such and as at right angles to any other.
    const still = oldSquare === newSquare ? 1 : 0
    cosine += oldSquare * newSquare > 0 ? dot / Math.sqrt(oldSquare * newSquare) : still
    relativeL2 += oldSquare > 0 ? Math.sqrt(moved / oldSquare) : 1 - still
    oldNorm += Math.sqrt(oldSquare)
    newNorm += Math.sqrt(newSquare)
  }
  return {
    users,
    residual: panelResidual(before, after, dim),
    unalignedResidual: panelResidual(before, unaligned, dim),
    cosine: cosine / users,
    relativeL2: relativeL2 / users,
    oldNorm: oldNorm / users,
    newNorm: newNorm / users,
  }
}
