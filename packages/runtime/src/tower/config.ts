/**
 * What a model config may hold, declared once: its JSON Schema, its check and its type. A token is a vector of d numbers; a
 * level of the user tower turns n tokens into fewer. Shape letters: d token width, K embeddings of D.
 */
import type { SideLayout } from '@headwater/features'
import {
  integer,
  type JsonSchema,
  list,
  number,
  optional,
  type ReadKeys,
  type Rule,
  record,
} from '../config/config-rules.ts'
import { hiddenUnits } from '../extractors/extractor.ts'
import { interactionRule } from '../interactions/interactions.ts'
import { type TokenConfig, type TokenKindName, tokenRule } from '../tokens/token-kinds.ts'
import { keptOf } from '../tokens/user-tokens.ts'
import { embeddingsRule } from './head.ts'
import { levelRule } from './level.ts'

const userKeys = {
  tokenWidth: integer('Numbers of a token', 4, 1024, 4),
  tokens: list("The tokens of a user's features, each kind once", tokenRule, 1, 16),
  levels: list('Levels of the pyramid, each with fewer tokens than the one before', levelRule, 1, 16),
}

export interface UserTowerConfig extends ReadKeys<typeof userKeys> {}

const userRule: Rule<UserTowerConfig> = record('The user tower', userKeys)

const keys = {
  user: userRule,
  embeddings: embeddingsRule,
  mix: record('The mix tower', {
    width: integer('Numbers of a looked-up item or context feature', 4, 1024, 4),
    interaction: interactionRule,
    hidden: list('Hidden units of each layer', hiddenUnits('of the layer'), 1, 8),
  }),
  dropout: optional(number('Probability, on hidden units of MLPs, in training', 0.001, 0.95)),
}

export interface ModelConfig extends ReadKeys<typeof keys> {}

export const modelConfigRule: Rule<ModelConfig> = record(
  'Sizes of a user tower and of the mix tower trained with it',
  keys,
)

/** The JSON Schema (2020-12) of a model config. What depends on two sizes at once is checked beside it. */
export const modelConfigSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Headwater model config',
  ...modelConfigRule.schema,
}

/** Embeddings that the head gives; behind them stands what tokens keep, in whole ones. @param layout of users */
export const headEmbeddings = ({ user, embeddings }: ModelConfig, layout: SideLayout): number =>
  embeddings.count - Math.ceil(keptOf(user.tokens, layout) / embeddings.width)

/** A tower's tokens of one kind; undefined: it has none. */
export function tokensOf<Kind extends TokenKindName>(user: UserTowerConfig, kind: Kind): TokenConfig<Kind> | undefined {
  return user.tokens.find((config): config is TokenConfig<Kind> => config.kind === kind)
}
