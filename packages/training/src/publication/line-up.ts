/** How a new tower's vectors are brought into the coordinates of the old one's. Shape letters: U users, J width of a vector. */
import type { AffineMap, PanelFigures } from '@headwater/snapshot'
import { panelFigures } from './panel-figures.ts'
import { procrustes, type Rotation, rotate, withSpreadOf } from './procrustes.ts'

export interface LinedUp {
  readonly alignment: AffineMap
  readonly figures: PanelFigures
}

/**
 * A rotation and a shift; or those and a common scale, where the rotation alone leaves a larger residual than `maxResidual` and the scale
 * does not. Where neither is enough it is the rotation.
 * @param before published vectors [U, J] of the old tower @param own of the new, as they are
 * @param prior [J, J], the rotation to stay near where the vectors leave it open
 * @throws ProcrustesError as `procrustes`
 */
export function lineUp(
  before: Float32Array,
  own: Float32Array,
  dim: number,
  maxResidual: number,
  prior?: Float32Array,
): LinedUp {
  const by = (map: Rotation): LinedUp => {
    // As the snapshot has it.
    const alignment = { dim, weight: Float32Array.from(map.weight), bias: Float32Array.from(map.bias) }
    return { alignment, figures: panelFigures(before, rotate(own, alignment), own, dim) }
  }
  const rotation = procrustes(own, before, dim, prior)
  const rotated = by(rotation)
  if (rotated.figures.residual <= maxResidual) return rotated
  const scaled = by(withSpreadOf(own, before, rotation))
  return scaled.figures.residual <= maxResidual ? scaled : rotated
}
