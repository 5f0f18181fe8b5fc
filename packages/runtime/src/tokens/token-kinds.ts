/** Every kind of token that a user's features may become. */
import { kinds, type ReadKinds } from '../config/config-rules.ts'
import { bags } from './bag-tokens.ts'
import { dense } from './dense-tokens.ts'
import { events } from './event-tokens.ts'
import { memory } from './memory-tokens.ts'
import type { TokenKind } from './token-kind.ts'

const registry = { dense, bags, events, memory }

export type TokenKindName = keyof typeof registry
/** Of one of these kinds, or of any. */
export type TokenConfig<Kind extends TokenKindName = TokenKindName> = ReadKinds<typeof registry, Kind>

export const tokenRule = kinds("Makes tokens of a user's features", registry)
export const tokenKinds: { readonly [Kind in TokenKindName]: TokenKind } = registry
