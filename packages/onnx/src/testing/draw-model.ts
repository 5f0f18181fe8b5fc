import type { ModelConfig } from '@headwater/runtime'
import type { SeededRandom } from '@headwater/statistics'
import { fullSchema, type TestModel } from './models.ts'

/** A model of one level over the full schema, of random parts and sizes that fit together. */
export function drawModel(random: SeededRandom): TestModel {
  const upTo = (most: number) => 1 + random.nextBelow(most)
  const pick = <T>(choices: readonly T[]) => choices[random.nextBelow(choices.length)]
  const maybe = <T>(value: T) => pick([value, null])
  const tokenWidth = 4 * upTo(3)
  const bins = upTo(9)
  const dense = {
    tokens: upTo(3),
    standardize: pick([true, false]),
    encoding: pick<ModelConfig['user']['dense']['encoding']>([
      { kind: 'plain' },
      { kind: 'periodic', frequencies: 4 * upTo(2), sigma: 1 },
      { kind: 'piecewise', bins },
    ]),
  }
  // Enough of them that a level with every extractor still has fewer tokens than its input.
  const recent = 3 + random.nextBelow(5)
  const heads = tokenWidth === 8 ? upTo(2) : 1
  const [count, width] = [upTo(3), 4 * upTo(3)]
  return {
    schema: fullSchema,
    config: {
      user: {
        tokenWidth,
        bags: pick(['mean', 'sum', 'attention'] as const),
        dense,
        sequence: {
          blocks: random.nextBelow(3),
          heads,
          hidden: upTo(9),
          pooled: random.nextBelow(4),
          recent,
          sums: pick([true, false]),
        },
        levels: [
          {
            mlp: maybe({ tokens: 1, hidden: upTo(12) }),
            compression: maybe({ tokens: 1, columns: 4, hidden: upTo(9) }),
            cross: maybe({ tokens: 1, layers: upTo(3), rank: upTo(5) }),
            mixer: maybe({ tokens: 1, tokenHidden: upTo(7), channelHidden: upTo(7) }),
            norm: pick(['layer', 'rms', 'none'] as const),
          },
        ],
      },
      embeddings: { count, width, norm: pick(['layer', 'bound', 'none'] as const), bound: 1, decorrelation: 0 },
      mix: {
        width: 4 * upTo(2),
        interaction: pick([{ kind: 'grouped', dots: count } as const, { kind: 'pairwise', vectors: upTo(4) } as const]),
        hidden: Array.from({ length: upTo(3) }, () => upTo(9)),
      },
      dropout: 0,
    },
    aligned: pick([true, false]),
  }
}
