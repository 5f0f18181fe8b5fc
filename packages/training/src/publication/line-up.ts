/** How a new tower's vectors are brought into the coordinates of the old one's. Shape letters: U users, J width of a vector. */
import type { AffineMap, EmbeddingLayout, PanelFigures } from '@headwater/snapshot'
import { blockOf, columnsOf, type ItemPairs, memoryTurn, withMemory } from './memory-turn.ts'
import { panelFigures } from './panel-figures.ts'
import { procrustes, type Rotation, rotate, withSpreadOf } from './procrustes.ts'

export interface LinedUp {
  readonly alignment: AffineMap
  readonly figures: PanelFigures
}

/**
 * A rotation and a shift; or those and a common scale, where the rotation alone leaves a larger residual than `maxResidual` and the scale
 * does not. Where neither is enough it is the rotation. What a memory keeps is turned by itself, without a shift or a scale, so that its
 * coefficients stay where they stand, and their products with item vectors as they are.
 * @param before published vectors [U, J] of the old tower @param own of the new, as they are
 * @param prior [J, J], the rotation to stay near where the vectors leave it open
 * @param memory of a tower with one: `items` as `itemPairs` gives them
 * @throws ProcrustesError as `procrustes`
 */
export function lineUp(
  before: Float32Array,
  own: Float32Array,
  dim: number,
  maxResidual: number,
  prior?: Float32Array,
  memory?: { readonly layout: EmbeddingLayout; readonly items: ItemPairs | null },
): LinedUp {
  const learnt = memory?.layout.learnt ?? dim
  const [x, y] = [own, before].map((vectors) => columnsOf(vectors, dim, 0, learnt))
  const R = memory && memoryTurn(before, own, dim, memory.layout, memory.items, prior)
  const whole = (map: Rotation) => (memory && R ? withMemory(map, R, memory.layout, dim) : map)
  const by = (map: Rotation): LinedUp => {
    // As the snapshot has it.
    const alignment = { dim, weight: Float32Array.from(map.weight), bias: Float32Array.from(map.bias) }
    return { alignment, figures: panelFigures(before, rotate(own, alignment), own, dim) }
  }
  const rotation = procrustes(x, y, learnt, prior && blockOf(prior, dim, 0, learnt))
  const rotated = by(whole(rotation))
  if (rotated.figures.residual <= maxResidual) return rotated
  const scaled = by(whole(withSpreadOf(x, y, rotation)))
  return scaled.figures.residual <= maxResidual ? scaled : rotated
}
