import { answerTypeOf, WireError } from '@headwater/client/wire'
import type { EncoderStatus } from '@headwater/pooling'
import type { FastifyInstance } from 'fastify'
import type { ServerParts } from '../parts/server-parts.ts'
import { send } from '../requests/send.ts'
import { openApi } from './openapi.ts'
import { Readiness } from './readiness.ts'

/** What those ask who run the service: health, readiness, figures, its description. */
export function registerHealth(server: FastifyInstance, parts: ServerParts): void {
  const { limits, metrics, isDraining } = parts
  const readiness = new Readiness(parts)
  /** Written once: callers without a token may ask for it as often as they like. */
  const description = Buffer.from(JSON.stringify(openApi(limits)))
  server.get('/healthz', async (_request, reply) => send(reply, 'json', { status: 'ok' }))

  server.get('/readyz', async (_request, reply) => {
    const problem = isDraining() ? 'the server is stopping' : await readiness.whyNot()
    if (problem !== null) throw new WireError('not_ready', problem)
    return send(reply, 'json', readyAnswer(parts.encoder?.()))
  })

  server.get('/metrics', { config: { scope: 'metrics' } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  server.get('/openapi.json', async (_request, reply) => reply.type(answerTypeOf.json).send(description))
}

/** Without its encoder a service goes on to answer reads, whose embeddings grow old meanwhile. */
function readyAnswer(encoder: EncoderStatus | undefined) {
  if (encoder === undefined || encoder.state === 'ready') return { status: 'ready' }
  return { status: 'degraded', problem: `the encoder is ${encoder.state}: embeddings are served, not refreshed` }
}
