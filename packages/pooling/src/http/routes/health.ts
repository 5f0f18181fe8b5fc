import type { FastifyInstance } from 'fastify'
import type { EncoderStatus } from '../../encoder-status.ts'
import { WireError } from '../../wire/wire-error.ts'
import { byDeadline } from '../deadline.ts'
import { wireErrorOf } from '../failure.ts'
import { openApi } from '../openapi.ts'
import { send } from '../send.ts'
import type { ServerParts } from '../server-options.ts'

/** What those ask who run the service: health, readiness, figures, its description. */
export function registerHealth(server: FastifyInstance, parts: ServerParts): void {
  const { limits, metrics } = parts
  server.get('/healthz', async (_request, reply) => send(reply, 'json', { status: 'ok' }))

  server.get('/readyz', async (_request, reply) => {
    const problem = await whyNotReady(parts)
    if (problem !== null) throw new WireError('not_ready', problem)
    return send(reply, 'json', readiness(parts.encoder?.()))
  })

  server.get('/metrics', { config: { scope: 'metrics' } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  server.get('/openapi.json', async (_request, reply) => send(reply, 'json', openApi(limits)))
}

/** Without its encoder a service goes on to answer reads, whose embeddings grow old meanwhile. */
function readiness(encoder: EncoderStatus | undefined) {
  if (encoder === undefined || encoder.state === 'ready') return { status: 'ready' }
  return { status: 'degraded', problem: `the encoder is ${encoder.state}: embeddings are served, not refreshed` }
}

/** Longest that the store may take to show that it answers. */
const probeMs = 1_000

async function whyNotReady({ tenants, models, isDraining, onError }: ServerParts): Promise<string | null> {
  if (isDraining()) return 'the server is stopping'
  for (const [tenant, { store, pooling }] of tenants) {
    const without = models.find(({ name }) => pooling.latest(name) === undefined)
    if (without !== undefined) return `model "${without.name}" of tenant "${tenant}" has no snapshot yet`
    try {
      await byDeadline(performance.now() + probeMs, 'the store is slow', () => store.forgottenAtMs(['probe']))
    } catch (error) {
      onError?.(error)
      return `the store does not answer (${wireErrorOf(error).code})`
    }
  }
  return null
}
