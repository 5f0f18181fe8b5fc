/** Snapshots of towers with random weights, for what reads and serves them. */

import { compileFeatures, type Schema } from '@headwater/features'
import { type AffineMap, type ItemVectors, publishSnapshot } from '@headwater/snapshot'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import type { ModelConfig } from '../tower/config.ts'
import { declareTower } from '../tower/tower.ts'
import { snapshotSchema } from './snapshot-schema.ts'

export const publishedConfig: ModelConfig = {
  user: {
    tokenWidth: 8,
    tokens: [
      { kind: 'dense', tokens: 1 },
      { kind: 'bags', pooling: 'mean' },
      { kind: 'events', pooled: 1 },
    ],
    levels: [{ extractors: [{ kind: 'mlp', tokens: 1, hidden: 18 }], norm: 'layer', residual: true, dense: true }],
  },
  embeddings: { count: 2, width: 12, norm: { kind: 'layer' } },
  mix: { width: 4, interaction: { kind: 'grouped', dots: 3 }, hidden: [5] },
  dropout: 0.1,
}

/** J */
export const publishedDim = 24

export const publishedSpace = compileFeatures(snapshotSchema)

export function randomMap(random: SeededRandom, dim = publishedDim): AffineMap {
  const floats = (length: number) => Float32Array.from({ length }, () => random.nextNormal() / Math.sqrt(dim))
  return { dim, weight: floats(dim * dim), bias: floats(dim) }
}

/** @returns directory of the snapshot */
export async function publishRandomTower(
  modelDirectory: string,
  options: {
    seed?: number
    snapshot?: number
    alignment?: AffineMap | null
    config?: ModelConfig
    items?: ItemVectors
    schema?: Schema
  } = {},
): Promise<string> {
  const {
    seed = 1,
    snapshot = 1,
    alignment = null,
    config = publishedConfig,
    items = null,
    schema = snapshotSchema,
  } = options
  const random = seededRandom(seed)
  const { user, item } = compileFeatures(schema)
  const { set } = declareTower(user, item, schema.tasks.length, config)
  const matrices = set.entries().map(({ name, rows, cols }) => ({
    name,
    rows,
    cols,
    data: Float32Array.from({ length: rows * cols }, () => random.nextNormal() / Math.sqrt(Math.min(rows, 16))),
  }))
  const about = { snapshot, frame: 1, dataCutoffMs: 1_700_000_000_000, trainedRows: 123, config }
  return publishSnapshot(modelDirectory, schema, matrices, about, { alignment, items })
}
