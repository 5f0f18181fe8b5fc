/**
 * What a model config's sizes must be to each other, and to the features.
 * Shape letters: d token width, n tokens of a level's input, K embeddings of D.
 */
import type { SideLayout } from '@headwater/features'
import type { LevelConfig, ModelConfig, UserTowerConfig } from '../config/config.ts'
import { ModelConfigError } from '../config/config-error.ts'
import { eventTokenCount, eventTokens } from '../tokens/event-tokens.ts'

/** n_0, tokens made of the features. */
function inputTokens({ dense, sequence }: UserTowerConfig, layout: SideLayout): number {
  return dense.tokens + layout.bags.length + eventTokenCount(eventTokens(sequence, layout.sequence))
}

/** n_k, tokens that a level gives. */
function levelTokens(level: LevelConfig, denseTokens: number): number {
  const { mlp, compression, cross, mixer, dense = true } = level
  const handed = dense ? denseTokens : 0
  return [mlp, compression, cross, mixer].reduce((sum, extractor) => sum + (extractor?.tokens ?? 0), handed)
}

type Fail = (path: string, reason: string, remedy: string) => never

const failIn =
  (source: string): Fail =>
  (path, reason, remedy) => {
    throw new ModelConfigError(source, path, reason, remedy)
  }

/** What holds whatever the features are. @throws ModelConfigError */
export function checkSizes({ user, embeddings, mix }: ModelConfig, source: string): void {
  const fail = failIn(source)
  const { tokenWidth: d, sequence, levels } = user
  if (sequence.blocks > 0 && d % (sequence.heads * 4) !== 0)
    fail(
      'user.sequence.heads',
      `${sequence.heads} heads do not divide a token of ${d} into multiples of 4`,
      'give a divisor of a quarter of user.tokenWidth',
    )
  const joint = embeddings.count * embeddings.width
  if (mix.interaction.kind === 'grouped' && joint % (mix.interaction.dots * 4) !== 0)
    fail(
      'mix.interaction.dots',
      `${mix.interaction.dots} slices do not divide ${embeddings.count} × ${embeddings.width} numbers into multiples of 4`,
      `give a divisor of ${joint / 4}`,
    )
  for (const [k, level] of levels.entries()) {
    const path = `user.levels[${k}]`
    if (levelTokens(level, user.dense.tokens) === 0)
      fail(path, 'has no extractor, and no dense tokens are handed to it', 'give it an extractor')
    const { mlp, compression, cross, mixer, residual = true } = level
    if (!(residual || mlp || compression || cross || mixer))
      fail(path, 'has neither an extractor nor a residual, so that its input is lost', 'give it one of them')
    if (k > 0) checkLevel(user, k, levelTokens(levels[k - 1], user.dense.tokens), fail)
  }
}

/** A level against its input of n tokens. */
function checkLevel({ tokenWidth: d, dense, levels }: UserTowerConfig, k: number, n: number, fail: Fail): void {
  const path = `user.levels[${k}]`
  const { compression, cross } = levels[k]
  if (compression && compression.columns > n)
    fail(
      `${path}.compression.columns`,
      `${compression.columns} weighted sums of ${n} tokens compress nothing`,
      `give at most ${n}`,
    )
  if (cross && cross.rank > n * d)
    fail(`${path}.cross.rank`, `${cross.rank} is over the ${n} × ${d} numbers that it maps`, `give at most ${n * d}`)
  // How many tokens the features make is the schema's affair: a config is for those with few of them, too.
  const after = levelTokens(levels[k], dense.tokens)
  if (k > 0 && after >= n)
    fail(
      path,
      `gives ${after} tokens of ${n}`,
      `let its extractors and the ${dense.tokens} dense tokens be fewer than ${n}`,
    )
}

/**
 * All that a config must be to be built for these features.
 * @param source name of the config, for messages
 * @throws ModelConfigError
 */
export function checkModelConfig(
  config: ModelConfig,
  user: SideLayout,
  item: SideLayout,
  source = 'model config',
): void {
  checkSizes(config, source)
  const fail = failIn(source)
  const { dense, sequence } = config.user
  if (dense.tokens > 0 && user.dense.length === 0) fail('user.dense.tokens', 'users have no dense values', 'give 0')
  if (user.sequence && sequence.recent > user.sequence.length)
    fail(
      'user.sequence.recent',
      `${sequence.recent} is over the ${user.sequence.length} events of a sequence`,
      `give at most ${user.sequence.length}`,
    )
  if (user.sequence?.weights === 0 && sequence.sums)
    fail(
      'user.sequence.sums',
      'has no weights to sum events by',
      "give the schema's sequence halfLivesDays, or leave it out",
    )
  const n = inputTokens(config.user, user)
  if (n === 0)
    fail(
      'user',
      'has no input token',
      'give it dense tokens, or sequence tokens where the schema has a sequence, or the schema user fields that are bags',
    )
  if (item.dense.length + item.bags.length === 0)
    fail('mix', 'items have no features', 'add item or context fields to the schema')
  checkLevel(config.user, 0, n, fail)
}
