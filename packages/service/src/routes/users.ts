import { messages } from '@headwater/client/schemas'
import type { FieldValue } from '@headwater/features'
import type { FastifyInstance } from 'fastify'
import { fieldValue } from '../events/log-events.ts'
import { columnLimits, parseFeaturesMessage } from '../messages/event-messages.ts'
import { checkKey } from '../messages/keys.ts'
import { spanOf } from '../observation/tracing.ts'
import type { Operation } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { send } from '../requests/send.ts'

interface OfUser {
  readonly Params: { readonly id: string }
}

const features: Operation = {
  id: 'putFeatures',
  summary: 'Sets fields that describe a user, without an event; durable.',
  body: messages.FeaturesRequest,
  answer: messages.AcceptedAnswer,
  errors: ['invalid_key', 'invalid_event', 'store_unavailable', 'contention', 'store_full', 'log_unavailable'],
}
const forget: Operation = {
  id: 'forgetUser',
  summary: 'Forgets a user and answers with a receipt.',
  answer: messages.Receipt,
  errors: [
    'invalid_key',
    'not_acceptable',
    'deadline_exceeded',
    'store_unavailable',
    'forget_incomplete',
    'store_full',
  ],
}

/** `PUT /v1/users/{id}/features` and `DELETE /v1/users/{id}` */
export function registerUsers(server: FastifyInstance, { tenants, space, limits, refreshes }: ServerParts): void {
  const fields = space.schema.fields.filter((field) => field.of === 'user')
  server.put<OfUser>(
    '/v1/users/:id/features',
    { config: { scope: 'write', counted: true, operation: features } },
    async (request, reply) => {
      const { id } = request.params
      checkKey(id, 'the user')
      const { store, pooling } = tenantOf(tenants, request)
      const nowMs = Date.now()
      const body = bodyOf(request, columnLimits(limits))
      const { values: given, timeMs } = parseFeaturesMessage(body, fields, nowMs, nowMs + limits.maxFutureMs)
      const format = answerFormat(request)
      const values: Record<string, FieldValue> = {}
      for (const { name, type } of fields) if (name in given) values[name] = fieldValue(given[name], type)
      const span = spanOf(request.raw)
      if (span !== undefined) refreshes?.offeredBy(request.principal!.tenant, [id], span)
      await byDeadline(request.endMs, 'the features may be set still', async () => {
        await pooling.putFeatures(id, values, timeMs)
        await store.flushed()
      })
      return send(reply, format, { accepted: 1 })
    },
  )
  server.delete<OfUser>(
    '/v1/users/:id',
    { config: { scope: 'admin', counted: true, operation: forget } },
    async (request, reply) => {
      const { id } = request.params
      checkKey(id, 'the user')
      const { store } = tenantOf(tenants, request)
      const format = answerFormat(request)
      const receipt = await byDeadline(request.endMs, 'the user may be forgotten still; send it again', async () => {
        const given = await store.forget(id)
        await store.flushed()
        return given
      })
      return send(reply, format, receipt)
    },
  )
}
