import type { FastifyInstance } from 'fastify'
import { checkKey } from '../../wire/shape.ts'
import { byDeadline } from '../deadline.ts'
import { send } from '../send.ts'
import { type ServerParts, tenantOf } from '../server-options.ts'
import { answerFormat } from './body.ts'

/** `DELETE /v1/users/{id}` */
export function registerUsers(server: FastifyInstance, { tenants }: ServerParts): void {
  server.delete<{ Params: { id: string } }>(
    '/v1/users/:id',
    { config: { scope: 'admin', counted: true } },
    async (request, reply) => {
      const { id } = request.params
      checkKey(id, 'the user', -1)
      const { store } = tenantOf(tenants, request)
      const receipt = await byDeadline(request.endMs, 'the user may be forgotten still; send it again', async () => {
        const given = await store.forget(id)
        await store.flushed()
        return given
      })
      return send(reply, answerFormat(request), receipt)
    },
  )
}
