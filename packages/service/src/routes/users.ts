import { checkKey, eventLimits, parseFeaturesMessage } from '@headwater/client/wire'
import type { FieldValue } from '@headwater/features'
import type { FastifyInstance } from 'fastify'
import { fieldValue } from '../events/log-events.ts'
import { spanOf } from '../observation/tracing.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { send } from '../requests/send.ts'

interface OfUser {
  readonly Params: { readonly id: string }
}

/** `PUT /v1/users/{id}/features` and `DELETE /v1/users/{id}` */
export function registerUsers(server: FastifyInstance, { tenants, space, limits, refreshes }: ServerParts): void {
  const fields = space.schema.fields.filter((field) => field.of === 'user')
  server.put<OfUser>(
    '/v1/users/:id/features',
    { config: { scope: 'write', counted: true } },
    async (request, reply) => {
      const { id } = request.params
      checkKey(id, 'the user', -1)
      const { store, pooling } = tenantOf(tenants, request)
      const nowMs = Date.now()
      const body = bodyOf(request, eventLimits(limits))
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
  server.delete<OfUser>('/v1/users/:id', { config: { scope: 'admin', counted: true } }, async (request, reply) => {
    const { id } = request.params
    checkKey(id, 'the user', -1)
    const { store } = tenantOf(tenants, request)
    const format = answerFormat(request)
    const receipt = await byDeadline(request.endMs, 'the user may be forgotten still; send it again', async () => {
      const given = await store.forget(id)
      await store.flushed()
      return given
    })
    return send(reply, format, receipt)
  })
}
