import { messages } from '@headwater/client/schemas'
import type { FastifyInstance } from 'fastify'
import { columnLimits, parseEventsMessage } from '../messages/event-messages.ts'
import { spanOf } from '../observation/tracing.ts'
import { asking } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'

const ingest = asking('write', {
  id: 'ingestEvents',
  summary: 'Events, all of a call or none; answered once they are durable.',
  body: messages.EventsRequest,
  answer: messages.AcceptedAnswer,
  errors: ['invalid_key', 'invalid_event', 'store_unavailable', 'contention', 'store_full', 'log_unavailable'],
})

/** `POST /v1/events` */
export function registerEvents(server: FastifyInstance, parts: ServerParts): void {
  const { tenants, space, limits, refreshes, metrics } = parts
  server.post('/v1/events', ingest, async (request) => {
    const { store, events: queue } = tenantOf(tenants, request.context)
    const body = bodyOf(request, columnLimits(limits))
    const events = parseEventsMessage(body, space.schema.fields, limits, Date.now() + limits.maxFutureMs)
    const users = events.map(({ user }) => user)
    refreshes?.offeredBy(request.context.principal!.tenant, users, spanOf(request.raw))
    const ingest = async () => {
      if (events.length > 0) await queue.ingest(events)
      await store.flushed(users)
    }
    await byDeadline(request.context.endMs, 'the events may be applied still', ingest, metrics.failedLate)
    return { accepted: events.length }
  })
}
