/** A new tower beside the served snapshot on a panel of users: lined up with it, and compared. */
import { compileFeatures, type SideBatch, type SideLayout } from '@headwater/features'
import type { AffineMap, ItemFigures, ItemVectors, PanelFigures, Snapshot } from '@headwater/snapshot'
import { projectBatch } from '../examples/project-batch.ts'
import { type PublicationOptions, rotates } from '../options/publication-options.ts'
import { DivergedError } from './forward-figures.ts'
import type { GateFigures } from './gate.ts'
import { lineUp } from './line-up.ts'
import { itemFigures, itemPairs } from './memory-turn.ts'
import { panelFigures } from './panel-figures.ts'
import type { AskedTower } from './snapshot-tower.ts'

/** What is to be published, as it is in its own coordinates. */
interface NewTower {
  /** Of the panel's rows. */
  readonly layout: SideLayout
  readonly panel: SideBatch | null
  /** Of a tower with a memory. */
  readonly items: ItemVectors | null
  open(): AskedTower
}

export interface PanelComparison {
  readonly figures: PanelFigures | null
  readonly items: ItemFigures | null
  readonly alignment: AffineMap | null
  readonly none: GateFigures['noPanel']
}

/**
 * Runs both towers on the panel and lines the new one up with the old one's published vectors, and so its item vectors.
 * @param openParent the tower of `parent` @throws DivergedError, ProcrustesError; what the towers throw
 */
export async function comparePanel(
  { layout, panel, items: vectors, open }: NewTower,
  parent: Snapshot | null,
  openParent: (parent: Snapshot) => Promise<AskedTower>,
  { alignment: method, maxFrameResidual }: PublicationOptions,
): Promise<PanelComparison> {
  const none = (why: string, hold: boolean): PanelComparison => ({
    figures: null,
    items: null,
    alignment: null,
    none: { why, hold },
  })
  if (!parent) return { figures: null, items: null, alignment: null, none: null }
  if (!panel) return none('The panel is empty: vectors are not compared, and begin a frame of their own.', false)
  const old = await openParent(parent)
  const tower = open()
  try {
    const { dim } = tower
    if (old.dim !== dim)
      return none(`Its vectors are ${dim} numbers long, those of the served snapshot ${old.dim}.`, true)
    const before = await old.encode(projectBatch(layout, compileFeatures(parent.schema).user, panel))
    const own = await tower.encode(panel)
    if (!own.every(Number.isFinite)) throw new DivergedError("The panel's vectors")
    const pairs = itemPairs(vectors, parent.items, panel)
    const memory = vectors ? { layout: vectors.layout, items: pairs } : undefined
    const { figures, alignment } = rotates(method)
      ? lineUp(before, own, dim, maxFrameResidual, parent.alignment?.weight, memory)
      : { figures: panelFigures(before, own, own, dim), alignment: null }
    const items = pairs && itemFigures(pairs, vectors!.layout, alignment?.weight ?? null)
    return { figures, items, alignment, none: null }
  } finally {
    await tower.dispose()
    await old.dispose()
  }
}

/** The frame of a snapshot: that of the served one where their vectors may be averaged, else its own. */
export function frameOf(
  snapshot: number,
  parent: Snapshot | null,
  figures: PanelFigures | null,
  { maxFrameResidual }: PublicationOptions,
): number {
  return parent && figures !== null && figures.residual <= maxFrameResidual ? parent.manifest.frame : snapshot
}
