/** Sizes of a user tower and the mix tower trained with it. */
export interface TowerConfig {
  /** K, embeddings a user. */
  readonly embeddings: number
  /** D, width of an embedding, a multiple of 4. */
  readonly width: number
  /** Columns of a looked-up feature embedding, a multiple of 4. */
  readonly sparseWidth: number
  /** Hidden units of the user tower. */
  readonly hidden: number
  /** Probability, on hidden units, in training. */
  readonly dropout: number
  /** G, grouped dot products between user and item; divides K · D / 4. */
  readonly dots: number
  /** Hidden units of the mix tower. */
  readonly mixHidden: number
}

/** The main job's preset, about .2 MFLOP an example forward. */
export const smallTower: TowerConfig = {
  embeddings: 2,
  width: 96,
  sparseWidth: 16,
  hidden: 256,
  dropout: 0.1,
  dots: 8,
  mixHidden: 64,
}

/** A tower's sizes do not fit together. */
export class TowerConfigError extends Error {
  override readonly name = 'TowerConfigError'
}

/** @throws TowerConfigError naming the size that cannot be. */
export function checkTowerConfig(config: TowerConfig): void {
  const { embeddings, width, sparseWidth, hidden, dropout, dots, mixHidden } = config
  for (const [name, value] of Object.entries({ embeddings, width, sparseWidth, hidden, dots, mixHidden }))
    if (!Number.isInteger(value) || value < 1 || value > 65_536)
      throw new TowerConfigError(`Tower config, ${name}: needs a whole number from 1 to 65,536, got ${value}.`)
  for (const [name, value] of Object.entries({ width, sparseWidth }))
    if (value % 4 !== 0) throw new TowerConfigError(`Tower config, ${name}: needs a multiple of 4, got ${value}.`)
  if ((embeddings * width) % (dots * 4) !== 0)
    throw new TowerConfigError(
      `Tower config, dots: ${dots} groups do not divide ${embeddings} × ${width} into pieces of whole vec4.`,
    )
  if (!(dropout >= 0 && dropout < 1))
    throw new TowerConfigError(`Tower config, dropout: needs a probability in [0, 1), got ${dropout}.`)
}
