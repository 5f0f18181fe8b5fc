/** How two snapshots' vectors of the same users compare. Shape letters: U users, J width of a vector. */
import type { PanelFigures } from '@headwater/snapshot'
import { effectiveRank, type Vectors, vectorChange } from '@headwater/statistics'

/** @param before published vectors [U, J] of the old snapshot @param after of the new @param unaligned the new, before alignment */
export function panelFigures(before: Vectors, after: Vectors, unaligned: Vectors, dim: number): PanelFigures {
  return {
    ...vectorChange(before, after, dim),
    unalignedResidual: vectorChange(before, unaligned, dim).residual,
    effectiveRank: effectiveRank(after, dim),
    oldNorm: meanNorm(before, dim),
    newNorm: meanNorm(after, dim),
  }
}

function meanNorm(vectors: Vectors, dim: number): number {
  let norms = 0
  for (let at = 0; at < vectors.length; at += dim) norms += Math.hypot(...vectors.subarray(at, at + dim))
  return norms / (vectors.length / dim)
}
