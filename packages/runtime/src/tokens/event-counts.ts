import type { SideLayout } from '@headwater/features'

/** Tokens that are made of a user's events, by their kinds, in their order. */
export interface EventTokens {
  readonly pooled: number
  readonly recent: number
  readonly sums: number
  readonly pointwise: number
}

/** Of a config of events. */
export interface EventCountsConfig {
  readonly pooled?: number
  readonly recent?: number
  readonly sums?: true
  readonly pointwise?: { readonly queries: number }
}

/** None where users have no sequence. */
export function eventTokens(
  { pooled = 0, recent = 0, sums, pointwise }: EventCountsConfig,
  sequence: SideLayout['sequence'],
): EventTokens {
  if (sequence === null) return { pooled: 0, recent: 0, sums: 0, pointwise: 0 }
  return { pooled, recent, sums: sums ? sequence.weights : 0, pointwise: pointwise?.queries ?? 0 }
}

/**
 * Of sums. Vectors begin within ±.05 and learn by small steps, those of tables of whose rows a token is one or a mean: times
 * this, sums begin near 1 and learn as fast as other tokens.
 */
export const sumScale = 8
