/** Every interaction that a mix tower may have, by its kind. */
import { kinds, type ReadKinds } from '../config/config-rules.ts'
import { grouped } from './grouped.ts'
import type { InteractionKind } from './interaction-kind.ts'
import { pairwise } from './pairwise.ts'

const registry = { grouped, pairwise }

export type InteractionKindName = keyof typeof registry
/** Of one of these kinds, or of any. */
export type InteractionConfig<Kind extends InteractionKindName = InteractionKindName> = ReadKinds<typeof registry, Kind>

export const interactionRule = kinds('How user and item meet', registry)
export const interactions: { readonly [Kind in InteractionKindName]: InteractionKind } = registry
