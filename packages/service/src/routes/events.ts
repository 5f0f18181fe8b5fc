import { eventLimits, parseEventsMessage } from '@headwater/client/wire'
import type { FastifyInstance } from 'fastify'
import { logEventsOf } from '../events/log-events.ts'
import { spanOf } from '../observation/tracing.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { send } from '../requests/send.ts'

/** `POST /v1/events` */
export function registerEvents(server: FastifyInstance, { tenants, space, limits, refreshes }: ServerParts): void {
  server.post('/v1/events', { config: { scope: 'write', counted: true } }, async (request, reply) => {
    const { store, events: queue } = tenantOf(tenants, request)
    const columns = parseEventsMessage(bodyOf(request, eventLimits(limits)), space.schema.fields, limits)
    const format = answerFormat(request)
    const events = logEventsOf(columns, space.schema, Date.now() + limits.maxFutureMs)
    const span = spanOf(request.raw)
    if (span !== undefined) refreshes?.offeredBy(request.principal!.tenant, columns.users, span)
    await byDeadline(request.endMs, 'the events may be applied still', async () => {
      if (events.length > 0) await queue.ingest(events)
      await store.flushed()
    })
    return send(reply, format, { accepted: events.length })
  })
}
