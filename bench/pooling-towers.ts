/** Snapshots that the pooling's benches serve: towers of a preset's size with the weights that a training starts from. */
import { batchRows, type FeatureSpace, type SideBatch } from '@headwater/features'
import { declareTower, fitDense, type Initialization, type ModelConfig, presets, tokensOf } from '@headwater/runtime'
import { publishSnapshot } from '@headwater/snapshot'
import { type SeededRandom, seededRandom } from '@headwater/statistics'
import { describeModel } from '@headwater/training'

/** Tokens four times as wide and 3.5 times as many hidden units: an embedding costs ten times the FLOPs of `base`. */
export const dearerConfig: ModelConfig = {
  ...presets.base,
  user: {
    ...presets.base.user,
    tokenWidth: 128,
    tokens: presets.base.user.tokens.map((own) =>
      own.kind === 'events' && own.blocks ? { ...own, blocks: { ...own.blocks, hidden: 224 } } : own,
    ),
    levels: presets.base.user.levels.map((level) => ({
      ...level,
      extractors: level.extractors.map((own) => {
        if (own.kind === 'mlp') return { ...own, hidden: 3.5 * own.hidden }
        return own.kind === 'cross' ? { ...own, rank: 3.5 * own.rank } : own
      }),
    })),
  },
}

/** FLOPs of one user's embedding. */
export function encodingFlops({ user, item, tasks }: FeatureSpace, config: ModelConfig): number {
  return describeModel(config, user, item, tasks.length, 256).flops.encoding
}

/**
 * @param sample rows that the encoding of dense values is fitted to
 * @returns directory of the snapshot
 */
export function publishTower(
  modelDirectory: string,
  space: FeatureSpace,
  config: ModelConfig,
  snapshot: number,
  sample: SideBatch,
): Promise<string> {
  const random = seededRandom(snapshot)
  const { dense } = batchRows(space.user, sample, 0, sample.rows)
  const fitted = new Map(
    fitDense(tokensOf(config.user, 'dense'), dense, space.user.dense.length).map((matrix) => [matrix.name, matrix]),
  )
  const matrices = declareTower(space.user, space.item, space.tasks.length, config)
    .set.entries()
    .map(({ name, rows, cols, initialization }) => {
      const data = () => Float32Array.from({ length: rows * cols }, drawing(initialization, random))
      return fitted.get(name) ?? { name, rows, cols, data: data() }
    })
  const about = { snapshot, frame: 1, dataCutoffMs: Date.now(), trainedRows: 1, config }
  return publishSnapshot(modelDirectory, space.schema, matrices, about)
}

function drawing(initialization: Initialization, random: SeededRandom): () => number {
  if (initialization === 'one') return () => 1
  if (initialization === 'zero') return () => 0
  if ('values' in initialization) {
    let next = 0
    return () => initialization.values[next++]
  }
  if ('normal' in initialization) return () => initialization.normal * random.nextNormal()
  return () => initialization.uniform * (2 * random.nextFloat() - 1)
}
