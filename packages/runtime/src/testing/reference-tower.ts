/**
 * Both towers in float64, row by row, put together from the layers' own references; it shares nothing with layers and
 * kernels. Shape letters: R rows, K embeddings of D, T tasks.
 */
import type { SideBatch } from '@headwater/features'
import { referenceDecorrelation, referenceHead } from './reference/head.ts'
import { referenceItemInputs } from './reference/item-inputs.ts'
import { referenceLevel } from './reference/level.ts'
import { referenceMix } from './reference/mix.ts'
import { referenceUserTokens } from './reference/user-tokens.ts'
import type { TinyTower } from './tiny-towers.ts'

type Values = ReadonlyMap<string, Float64Array>

/** The K · D numbers of one row's user embeddings. */
export function referenceEmbeddings(tower: TinyTower, values: Values, user: SideBatch, r: number): number[] {
  const { user: config, embeddings } = tower.config
  let x = referenceUserTokens(values, tower.user, config, user, r)
  const xDense = x.slice(0, config.dense.tokens * config.tokenWidth)
  for (const [k, level] of config.levels.entries())
    x = referenceLevel(values, `user.level${k + 1}`, level, config.tokenWidth, x, xDense)
  return referenceHead(values, 'user.output', embeddings, x)
}

/** The T logits of one row. */
export function referenceLogits(
  tower: TinyTower,
  values: Values,
  user: SideBatch,
  item: SideBatch,
  r: number,
): number[] {
  const { embeddings, mix } = tower.config
  const e = referenceEmbeddings(tower, values, user, r)
  const x = referenceItemInputs(values, 'item', tower.item, mix.width, item, r)
  return referenceMix(values, { ...mix, embeddings }, e, x)
}

/** Σ over rows and tasks of weight · cross-entropy, and λ · decorrelation of the embeddings. `labels` [R, T]. */
export function referenceLoss(
  tower: TinyTower,
  values: Values,
  batch: { user: SideBatch; item: SideBatch; labels: readonly number[] },
  taskWeights: readonly number[],
): number {
  let loss = 0
  for (let r = 0; r < batch.user.rows; r++)
    for (const [t, z] of referenceLogits(tower, values, batch.user, batch.item, r).entries()) {
      const p = 1 / (1 + Math.exp(-z))
      loss -= taskWeights[t] * (batch.labels[r * tower.tasks + t] ? Math.log(p) : Math.log(1 - p))
    }
  const { decorrelation } = tower.config.embeddings
  if (decorrelation === 0) return loss
  const embeddings = Array.from({ length: batch.user.rows }, (_, r) =>
    referenceEmbeddings(tower, values, batch.user, r),
  )
  return loss + decorrelation * referenceDecorrelation(embeddings)
}
