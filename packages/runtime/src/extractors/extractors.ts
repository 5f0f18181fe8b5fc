/** Every extractor that a level may have, by its kind. */
import { kinds, type ReadKinds } from '../config/config-rules.ts'
import { compression } from './compression.ts'
import { cross } from './cross.ts'
import type { Extractor } from './extractor.ts'
import { mixer } from './mixer.ts'
import { mlp } from './mlp.ts'

const registry = { mlp, compression, cross, mixer }

export type ExtractorKind = keyof typeof registry
/** Of one of these kinds, or of any. */
export type ExtractorConfig<Kind extends ExtractorKind = ExtractorKind> = ReadKinds<typeof registry, Kind>

export const extractorRule = kinds('Makes new tokens of those before the level', registry)
export const extractors: { readonly [Kind in ExtractorKind]: Extractor } = registry
