import type { PanelComparison } from '@headwater/client'
import type { LoadedSnapshot } from '@headwater/encoder'

/** Compares a shadow with the served snapshot over the shadow's panel, as `headwater snapshots diff` does. */
export async function comparePanel(shadow: LoadedSnapshot, served: LoadedSnapshot): Promise<PanelComparison | null> {
  const [{ readSnapshot }, { panelFigures }] = await Promise.all([
    import('@headwater/snapshot'),
    import('@headwater/training'),
  ])
  const { panel } = await readSnapshot(shadow.directory)
  if (panel === null) return null
  const [before, after] = await Promise.all([served.encode(panel), shadow.encode(panel)])
  const { unalignedResidual: _, ...figures } = panelFigures(before, after, after, served.dim)
  return figures
}

export function describeShadow(
  model: string,
  shadow: LoadedSnapshot,
  served: LoadedSnapshot,
  panel: PanelComparison | null,
): string {
  const says = `Snapshot ${shadow.snapshot} of "${model}" is computed beside snapshot ${served.snapshot}`
  if (panel === null) return `${says}; it has no panel.`
  const { users, residual, centredCosine, oldNorm, newNorm } = panel
  const norms = `mean norm ${oldNorm.toFixed(2)} → ${newNorm.toFixed(2)}`
  return `${says}; over its panel of ${users} users: residual ${residual.toFixed(4)}, centred cosine ${centredCosine.toFixed(4)}, ${norms}.`
}
