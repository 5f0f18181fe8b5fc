import { type Command, Option } from '@commander-js/extra-typings'
import type { PoolingPolicy } from '@headwater/pooling'
import { InvalidArgumentError } from 'commander'
import { durationMs } from './duration.ts'
import { wholeNumber } from './numbers.ts'
import type { OptionsOf } from './options-of.ts'

const dayMs = 86_400_000

/** As `headwater run` serves: docs/decisions/0035 says why. The limit is for those who average. */
const usual = { slot: 'snapshot', count: 1, maxLagMs: 3 * dayMs } as const

/** Embeddings that a ring holds at most. */
const mostSlots = 255

/** Adds the options that say how embeddings are pooled, to a command that writes them. */
export function poolingOptions(command: Command) {
  return command
    .option('--pool <n>', 'newest embeddings that are averaged, one a snapshot (default: 1)', wholeNumber(1, mostSlots))
    .addOption(
      new Option('--pool-weights <list>', 'what they weigh, the newest first, as in 3,2,1; as many are averaged')
        .argParser(weightsArgument)
        .conflicts('pool'),
    )
    .option(
      '--pool-lag <duration>',
      "an embedding whose features lie further behind the newest one's is not averaged (default: 3d)",
      durationMs,
    )
}

type PoolingOptions = OptionsOf<typeof poolingOptions>

/** @throws InvalidArgumentError, which is shown as an error of the command line */
export function weightsArgument(text: string): readonly number[] {
  const weights = text.split(',').map((weight) => (weight.trim() === '' ? Number.NaN : Number(weight)))
  if (weights.length > mostSlots || !weights.every((weight) => weight > 0 && Number.isFinite(weight)))
    throw new InvalidArgumentError(`Give up to ${mostSlots} numbers, each above 0, with commas between them.`)
  if (!Number.isFinite(weights.reduce((sum, weight) => sum + weight)))
    throw new InvalidArgumentError('Give smaller numbers; these have no finite sum.')
  return weights
}

export function servingPolicy({ pool, poolWeights, poolLag }: PoolingOptions): PoolingPolicy {
  return {
    ...usual,
    ...(pool !== undefined && { count: pool }),
    ...(poolWeights !== undefined && { count: poolWeights.length, weights: poolWeights }),
    ...(poolLag !== undefined && { maxLagMs: poolLag }),
  }
}
