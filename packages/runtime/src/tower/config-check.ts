/**
 * What a model config's sizes must be to each other, and to the features.
 * Shape letters: d token width, n tokens of a level's input, K embeddings of D.
 */
import type { SideLayout } from '@headwater/features'
import { ModelConfigError } from '../config/config-error.ts'
import type { Extractor } from '../extractors/extractor.ts'
import { extractors } from '../extractors/extractors.ts'
import type { InteractionKind } from '../interactions/interaction-kind.ts'
import { interactions } from '../interactions/interactions.ts'
import type { TokenKind } from '../tokens/token-kind.ts'
import { tokenKinds } from '../tokens/token-kinds.ts'
import { keptOf, sourcesOf } from '../tokens/user-tokens.ts'
import { headEmbeddings, type ModelConfig, modelConfigRule, tokensOf, type UserTowerConfig } from './config.ts'
import { type LevelConfig, madeTokens } from './level.ts'
import { fromOldForm } from './old-form.ts'

type Refuse = (path: string, reason: string, remedy: string) => never

const refuseIn =
  (source: string): Refuse =>
  (path, reason, remedy) => {
    throw new ModelConfigError(source, path, reason, remedy)
  }

const within =
  (refuse: Refuse, path: string): Refuse =>
  (key, reason, remedy) =>
    refuse(key === '' ? path : `${path}.${key}`, reason, remedy)

const sumOf = (sources: readonly { readonly tokens: number }[]) => sources.reduce((sum, { tokens }) => sum + tokens, 0)

/** n_k, tokens that a level gives. */
function levelTokens(level: LevelConfig, user: UserTowerConfig): number {
  return sumOf(madeTokens(level)) + (level.dense ? (tokensOf(user, 'dense')?.tokens ?? 0) : 0)
}

/** A list has each kind once: names of tensors follow from it. */
function checkKinds(configs: readonly { readonly kind: string }[], path: string, refuse: Refuse): void {
  for (const [i, { kind }] of configs.entries())
    if (configs.findIndex((config) => config.kind === kind) < i)
      refuse(`${path}[${i}].kind`, `is a second "${kind}"`, 'leave one of the two out')
}

/** What holds whatever the features are. @throws ModelConfigError */
function checkSizes({ user, embeddings, mix }: ModelConfig, refuse: Refuse): void {
  checkTokens(user, null, refuse)
  const interaction: InteractionKind = interactions[mix.interaction.kind]
  interaction.check?.(mix.interaction, embeddings, within(refuse, 'mix.interaction'))
  for (const [k, level] of user.levels.entries()) {
    const path = `user.levels[${k}]`
    checkKinds(level.extractors, `${path}.extractors`, refuse)
    if (levelTokens(level, user) === 0)
      refuse(path, 'has no extractor, and no dense tokens are handed to it', 'give it an extractor')
    if (!level.residual && level.extractors.length === 0)
      refuse(path, 'has neither an extractor nor a residual, so that its input is lost', 'give it one of them')
    if (k > 0) checkLevel(user, k, levelTokens(user.levels[k - 1], user), refuse)
  }
}

/** @param layout null: of any features */
function checkTokens({ tokens, tokenWidth: d }: UserTowerConfig, layout: SideLayout | null, refuse: Refuse): void {
  checkKinds(tokens, 'user.tokens', refuse)
  for (const [i, config] of tokens.entries()) {
    const kind: TokenKind = tokenKinds[config.kind]
    kind.check?.(config, d, layout, within(refuse, `user.tokens[${i}]`))
  }
}

/** What a memory's coefficients need of the embeddings, and its item vectors of the mix tower. */
function checkMemory(config: ModelConfig, user: SideLayout, item: SideLayout, refuse: Refuse): void {
  const at = config.user.tokens.findIndex(({ kind }) => kind === 'memory')
  const memory = tokensOf(config.user, 'memory')
  if (!memory || keptOf(config.user.tokens, user) === 0) return
  const { count, width } = config.embeddings
  if (headEmbeddings(config, user) < 1)
    refuse(
      'embeddings.count',
      `leaves nothing of ${count} × ${width} numbers beside the ${keptOf(config.user.tokens, user)} of the memory`,
      'give more embeddings, or the memory fewer heads or numbers',
    )
  if (!memory.shared) return
  const path = `user.tokens[${at}]`
  if (memory.width !== config.mix.width)
    refuse(
      `${path}.width`,
      `is ${memory.width}, but that of the shared table is ${config.mix.width}`,
      'make mix.width the same',
    )
  const buckets = item.bags.find(({ name }) => name === 'item')?.buckets ?? 0
  if (buckets !== user.sequence!.buckets)
    refuse(
      `${path}.shared`,
      `takes a table of ${buckets} items for events of ${user.sequence!.buckets}`,
      "make the schema's sequence.buckets and itemBuckets the same",
    )
}

/** A level against its input of n tokens. */
function checkLevel(user: UserTowerConfig, k: number, n: number, refuse: Refuse): void {
  const path = `user.levels[${k}]`
  const level = user.levels[k]
  for (const [i, config] of level.extractors.entries()) {
    const extractor: Extractor = extractors[config.kind]
    extractor.check?.(config, n, user.tokenWidth, within(refuse, `${path}.extractors[${i}]`))
  }
  // How many tokens the features make is the schema's affair: a config is for those with few of them, too.
  const after = levelTokens(level, user)
  if (k > 0 && after >= n) refuse(path, `gives ${after} tokens of ${n}`, `let it give fewer than ${n}`)
}

/**
 * A model config from parsed JSON, of the form before too.
 * @param source name of the file or object, for messages
 * @throws ModelConfigError
 */
export function parseModelConfig(json: unknown, source: string): ModelConfig {
  return fromOldForm(json, source, (now) => {
    const config = modelConfigRule.read(now, { source, path: '' })
    checkSizes(config, refuseIn(source))
    return config
  })
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
  const refuse = refuseIn(source)
  modelConfigRule.read(config, { source, path: '' })
  checkSizes(config, refuse)
  checkTokens(config.user, user, refuse)
  checkMemory(config, user, item, refuse)
  const n = sumOf(config.user.tokens.flatMap((tokens) => sourcesOf(tokens, user)))
  if (n === 0)
    refuse(
      'user.tokens',
      'make no token of these features',
      'give tokens of dense values, of events where the schema has a sequence, or of bags where it has user fields that are',
    )
  if (item.dense.length + item.bags.length === 0)
    refuse('mix', 'items have no features', 'add item or context fields to the schema')
  checkLevel(config.user, 0, n, refuse)
}
