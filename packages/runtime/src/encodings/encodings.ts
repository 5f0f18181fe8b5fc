/** Every encoding of dense values, by its kind. */
import { kinds, type ReadKinds } from '../config/config-rules.ts'
import type { Encoding } from './encoding.ts'
import { periodic } from './periodic.ts'
import { piecewise } from './piecewise.ts'

const registry = { periodic, piecewise }

export type EncodingKind = keyof typeof registry
/** Of one of these kinds, or of any. */
export type EncodingConfig<Kind extends EncodingKind = EncodingKind> = ReadKinds<typeof registry, Kind>

export const encodingRule = kinds('What a value becomes before the linear map to tokens', registry)
export const encodings: { readonly [Kind in EncodingKind]: Encoding } = registry
