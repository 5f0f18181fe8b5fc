import type { SideLayout } from '@headwater/features'
import type { TokenSource } from '../tokens/token-kind.ts'
import { sourcesOf } from '../tokens/user-tokens.ts'
import type { ModelConfig } from './config.ts'
import { madeTokens } from './level.ts'

/** The tokens before the first level, or behind a level. */
export interface LevelDescription {
  readonly name: string
  readonly tokens: number
  readonly sources: readonly TokenSource[]
}

/** The tokens that a user tower has for these features, level by level. */
export function describeLevels({ user }: ModelConfig, layout: SideLayout): LevelDescription[] {
  const level = (name: string, sources: readonly TokenSource[]): LevelDescription => ({
    name,
    tokens: sources.reduce((sum, { tokens }) => sum + tokens, 0),
    sources,
  })
  const inputs = user.tokens.map((config) => ({ kind: config.kind, sources: sourcesOf(config, layout) }))
  const dense = inputs.find(({ kind }) => kind === 'dense')?.sources ?? []
  return [
    level(
      'inputs',
      inputs.flatMap(({ sources }) => sources),
    ),
    ...user.levels.map((config, k) => level(`level ${k + 1}`, [...madeTokens(config), ...(config.dense ? dense : [])])),
  ]
}
