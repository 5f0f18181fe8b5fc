import type { FastifyInstance } from 'fastify'
import { eventLimits, parseEventsMessage } from '../../wire/events-message.ts'
import { byDeadline } from '../deadline.ts'
import { logEventsOf } from '../log-events.ts'
import { send } from '../send.ts'
import { type ServerParts, tenantOf } from '../server-options.ts'
import { spanOf } from '../tracing.ts'
import { answerFormat, bodyOf } from './body.ts'

/** `POST /v1/events` */
export function registerEvents(server: FastifyInstance, { tenants, space, limits, refreshes }: ServerParts): void {
  server.post('/v1/events', { config: { scope: 'write', counted: true } }, async (request, reply) => {
    const { store, lane } = tenantOf(tenants, request)
    const columns = parseEventsMessage(bodyOf(request, eventLimits(limits)), space.schema.fields, limits)
    const format = answerFormat(request)
    const events = logEventsOf(columns, space.schema, Date.now() + limits.maxFutureMs)
    const span = spanOf(request.raw)
    if (span !== undefined) refreshes?.offeredBy(request.principal!.tenant, columns.users, span)
    await byDeadline(request.endMs, 'the events may be applied still', async () => {
      if (events.length > 0) await lane.ingest(events)
      await store.flushed()
    })
    return send(reply, format, { accepted: events.length })
  })
}
