import type { SideLayout } from '@headwater/features'
import type { SequenceConfig } from '../config/config.ts'

/** Tokens that are made of a user's events, by their kinds, in their order. */
export interface EventTokens {
  readonly pooled: number
  readonly recent: number
  readonly sums: number
}

/** None where users have no sequence. */
export function eventTokens({ pooled, recent, sums }: SequenceConfig, sequence: SideLayout['sequence']): EventTokens {
  if (sequence === null) return { pooled: 0, recent: 0, sums: 0 }
  return { pooled, recent, sums: sums ? sequence.weights : 0 }
}

/**
 * Of sums. Vectors begin within ±.05 and learn by small steps, those of tables of whose rows a token is one or a mean: times
 * this, sums begin near 1 and learn as fast as other tokens.
 */
export const sumScale = 8

export const eventTokenCount = ({ pooled, recent, sums }: EventTokens): number => pooled + recent + sums
