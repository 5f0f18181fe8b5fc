const dayMs = 86_400_000

/** As `headwater run` serves: docs/decisions/0004 says why. */
export const servingPolicy = { slot: 'snapshot', count: 3, maxLagMs: 3 * dayMs } as const
