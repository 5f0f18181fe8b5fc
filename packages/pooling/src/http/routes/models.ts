import type { FastifyInstance } from 'fastify'
import type { ModelsAnswer } from '../../wire/models-message.ts'
import { send } from '../send.ts'
import { type ServerParts, tenantOf } from '../server-options.ts'
import { answerFormat } from './body.ts'

/** `GET /v1/models` */
export function registerModels(server: FastifyInstance, { tenants, models }: ServerParts): void {
  server.get('/v1/models', { config: { scope: 'read', counted: true } }, async (request, reply) => {
    const { pooling } = tenantOf(tenants, request)
    const answer: ModelsAnswer = {
      models: models.map(({ name, dim }) => {
        const { snapshot = null, frame = null, dataCutoffMs = null } = pooling.latest(name) ?? {}
        return { model: name, dim, snapshot, frame, dataCutoffMs }
      }),
    }
    return send(reply, answerFormat(request), answer)
  })
}
