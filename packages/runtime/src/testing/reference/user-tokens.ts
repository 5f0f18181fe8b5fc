/** X_0 of one row in float64: [dense tokens | a token a bag | pooled events | recent events | sums of events]. */
import type { SideBatch, SideLayout } from '@headwater/features'
import type { UserTowerConfig } from '../../config/config.ts'
import { referenceBagToken } from './bag-tokens.ts'
import { referenceDenseTokens } from './dense-tokens.ts'
import { referenceSequenceTokens } from './sequence-tokens.ts'

/** The n_0 · d numbers of row r of a batch. */
export function referenceUserTokens(
  values: ReadonlyMap<string, Float64Array>,
  layout: SideLayout,
  config: UserTowerConfig,
  batch: SideBatch,
  r: number,
): number[] {
  const width = config.tokenWidth
  const F = layout.dense.length
  const x: number[] = []
  if (F > 0 && config.dense.tokens > 0)
    x.push(...referenceDenseTokens(values, 'user', config.dense, width, [...batch.dense.subarray(r * F, (r + 1) * F)]))
  for (const [i, { name, maxValues }] of layout.bags.entries()) {
    const { ids, lengths } = batch.bags[i]
    const held = [...ids.subarray(r * maxValues, r * maxValues + lengths[r])]
    x.push(...referenceBagToken(values, `user.${name}`, config.bags, width, held))
  }
  if (!layout.sequence || !batch.sequence) return x
  const { length, channels: C, categories } = layout.sequence
  const { sequence } = batch
  const events = Array.from({ length: sequence.lengths[r] }, (_, l) => {
    const at = r * length + l
    return {
      id: sequence.ids[at],
      channels: [...sequence.channels.subarray(at * C, (at + 1) * C)],
      categories: sequence.categories.map((ids) => ids[at]),
    }
  })
  const names = categories.map(({ name }) => name)
  x.push(...referenceSequenceTokens(values, 'user.sequence', config.sequence, width, names, events, layout.sequence))
  return x
}
