import { messages } from '@headwater/client/schemas'
import { WireError } from '@headwater/client/wire'
import type { EncoderStatus } from '@headwater/pooling'
import type { FastifyInstance } from 'fastify'
import type { Operation } from '../parts/operation.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import { readinessOf } from './readiness.ts'

const health: Operation = { id: 'health', summary: 'Whether the process lives.', answer: messages.Status }
const ready: Operation = {
  id: 'readiness',
  summary: 'Whether every model has a snapshot and the store answers; "degraded" while the encoder is away.',
  answer: messages.Status,
  errors: ['not_ready'],
}
const figures: Operation = { id: 'metrics', summary: 'Figures of all tenants for Prometheus.', answer: 'text/plain' }

/** What those ask who run the service: health, readiness, figures. */
export function registerHealth(server: FastifyInstance, parts: ServerParts): void {
  const { metrics, isDraining } = parts
  const whyNotReady = readinessOf(parts)
  server.get('/healthz', { config: { operation: health } }, async () => ({ status: 'ok' }))

  server.get('/readyz', { config: { operation: ready } }, async () => {
    const problem = isDraining() ? 'the server is stopping' : await whyNotReady()
    if (problem !== null) throw new WireError('not_ready', problem)
    return readyAnswer(parts.encoder?.())
  })

  server.get('/metrics', { config: { scope: 'metrics', operation: figures } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
}

/** Without its encoder a service goes on to answer reads, whose embeddings grow old meanwhile. */
function readyAnswer(encoder: EncoderStatus | undefined) {
  if (encoder === undefined || encoder.state === 'ready') return { status: 'ready' }
  const problem = `the encoder is ${encoder.state}${compilingIn(encoder)}: embeddings are served, not refreshed`
  return { status: 'degraded', problem }
}

/** What it compiles, as the end of a sentence; empty where that is nothing. */
export function compilingIn(encoder: EncoderStatus | undefined): string {
  const compiling = encoder?.compiling ?? null
  return compiling === null ? '' : `, compiling kernels ${compiling.number} of ${compiling.total}`
}
