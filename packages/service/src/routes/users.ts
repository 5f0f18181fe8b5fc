import { messages } from '@headwater/client/schemas'
import type { FastifyInstance } from 'fastify'
import { columnLimits, parseFeaturesMessage } from '../messages/event-messages.ts'
import { checkKey } from '../messages/keys.ts'
import { spanOf } from '../observation/tracing.ts'
import { asking } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'

interface OfUser {
  readonly Params: { readonly id: string }
}

const features = asking('write', {
  id: 'putFeatures',
  summary: 'Sets fields that describe a user, without an event; durable.',
  body: messages.FeaturesRequest,
  answer: messages.AcceptedAnswer,
  errors: ['invalid_key', 'invalid_event', 'store_unavailable', 'contention', 'store_full', 'log_unavailable'],
})
const forget = asking('admin', {
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
})

/** `PUT /v1/users/{id}/features` and `DELETE /v1/users/{id}` */
export function registerUsers(server: FastifyInstance, parts: ServerParts): void {
  const { tenants, space, limits, refreshes, metrics } = parts
  const fields = space.schema.fields.filter((field) => field.of === 'user')
  server.put<OfUser>('/v1/users/:id/features', features, async (request) => {
    const { id } = request.params
    checkKey(id, 'the user')
    const { store, pooling } = tenantOf(tenants, request.context)
    const nowMs = Date.now()
    const body = bodyOf(request, columnLimits(limits))
    const { values, timeMs } = parseFeaturesMessage(body, fields, nowMs, nowMs + limits.maxFutureMs)
    refreshes?.offeredBy(request.context.principal!.tenant, [id], spanOf(request.raw))
    const set = async () => {
      await pooling.putFeatures(id, values, timeMs)
      await store.flushed([id])
    }
    await byDeadline(request.context.endMs, 'the features may be set still', set, metrics.failedLate)
    return { accepted: 1 }
  })

  server.delete<OfUser>('/v1/users/:id', forget, async (request) => {
    const { id } = request.params
    checkKey(id, 'the user')
    const { store } = tenantOf(tenants, request.context)
    const forget = async () => {
      const receipt = await store.forget(id)
      await store.flushed([id])
      return receipt
    }
    return byDeadline(
      request.context.endMs,
      'the user may be forgotten still; send it again',
      forget,
      metrics.failedLate,
    )
  })
}
