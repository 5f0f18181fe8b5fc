import { messages } from '@headwater/client/schemas'
import type { FastifyInstance } from 'fastify'
import { logEventsOf } from '../events/log-events.ts'
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
export function registerEvents(server: FastifyInstance, { tenants, space, limits, refreshes }: ServerParts): void {
  server.post('/v1/events', ingest, async (request) => {
    const { store, events: queue } = tenantOf(tenants, request)
    const columns = parseEventsMessage(bodyOf(request, columnLimits(limits)), space.schema.fields, limits)
    const events = logEventsOf(columns, space.schema, Date.now() + limits.maxFutureMs)
    const span = spanOf(request.raw)
    if (span !== undefined) refreshes?.offeredBy(request.principal!.tenant, columns.users, span)
    await byDeadline(request.endMs, 'the events may be applied still', async () => {
      if (events.length > 0) await queue.ingest(events)
      await store.flushed()
    })
    return { accepted: events.length }
  })
}
