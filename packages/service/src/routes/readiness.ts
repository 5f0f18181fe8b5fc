import { type EmbeddingStore, StoreUnavailableError } from '@headwater/store'
import { wireErrorOf } from '../failures/failure.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { byDeadline } from '../requests/deadline.ts'

/** Longest that the store may take to show that it answers. */
const probeMs = 1_000
/** Users of all parts of a store, of whom nothing is known: where one part answers, its users are served. */
const probes = Array.from({ length: 32 }, (_, i) => `probe-${i}`)
/** How long an answer holds. */
const keptMs = 500

/**
 * Whether the service can answer reads and keep events, or why not. No token is needed, and the store is asked once for each tenant:
 * so all who ask meanwhile share one probe, and its answer holds for half a second.
 *
 * @returns what asks; it resolves to null where the service is ready
 */
export function readinessOf(parts: Pick<ServerParts, 'tenants' | 'models' | 'onError'>): () => Promise<string | null> {
  let probe: Promise<string | null> | null = null
  /** By `performance.now()`; infinite while the probe is under way. */
  let keptUntilMs = Number.POSITIVE_INFINITY
  return () => {
    if (probe === null || performance.now() >= keptUntilMs) {
      keptUntilMs = Number.POSITIVE_INFINITY
      probe = whyNotReady(parts).finally(() => {
        keptUntilMs = performance.now() + keptMs
      })
    }
    return probe
  }
}

async function whyNotReady({ tenants, models, onError }: Parameters<typeof readinessOf>[0]): Promise<string | null> {
  for (const [tenant, { store, pooling }] of tenants) {
    const without = models.find(({ name }) => pooling.latest(name) === undefined)
    if (without !== undefined) return `model "${without.name}" of tenant "${tenant}" has no snapshot yet`
    try {
      await byDeadline(performance.now() + probeMs, 'the store is slow', () => checkAnswers(store))
    } catch (error) {
      onError?.(error)
      return `the store does not answer (${wireErrorOf(error).code})`
    }
    try {
      await byDeadline(performance.now() + probeMs, 'the disk is slow', () => pooling.checkWritable())
    } catch (error) {
      onError?.(error)
      return `events cannot be kept (${wireErrorOf(error).code})`
    }
  }
  return null
}

/** @throws StoreUnavailableError where no server answers; one of several that does not is no reason to serve nobody */
async function checkAnswers(store: EmbeddingStore): Promise<void> {
  const { missing } = await store.readStates('user', probes, 'old')
  if (missing.size === probes.length) throw new StoreUnavailableError('no server of the store answers')
}
