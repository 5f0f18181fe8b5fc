import type { FastifyInstance } from 'fastify'
import { contentTypeOf } from '../../wire/formats.ts'
import { parseReadMessage, readLimits } from '../../wire/read-message.ts'
import { WireError } from '../../wire/wire-error.ts'
import { byDeadline } from '../deadline.ts'
import { encodeReadAnswer } from '../read-answer.ts'
import { type ServerParts, tenantOf } from '../server-options.ts'
import { answerFormat, bodyOf } from './body.ts'

/** `POST /v1/embeddings/read` */
export function registerRead(server: FastifyInstance, { tenants, models, limits, metrics }: ServerParts): void {
  const dims = new Map(models.map(({ name, dim }) => [name, dim]))
  server.post('/v1/embeddings/read', { config: { scope: 'read', counted: true } }, async (request, reply) => {
    const { pooling } = tenantOf(tenants, request)
    const message = parseReadMessage(bodyOf(request, readLimits(limits)), limits)
    const format = answerFormat(request)
    const values = message.models.reduce((sum, model) => sum + message.users.length * (dims.get(model) ?? 0), 0)
    if (values > limits.maxVectorValues) {
      const problem = `the answer would hold ${values} values, over the limit of ${limits.maxVectorValues}`
      throw new WireError('batch_too_large', `${problem}; ask for fewer users or models in a call`)
    }
    const startMs = performance.now()
    const served = await byDeadline(request.endMs, 'send it again, or give it longer', () =>
      pooling.read(message.users, message.models),
    )
    metrics.readEnded(performance.now() - startMs)
    const body = encodeReadAnswer(served, message, format)
    return reply
      .type(contentTypeOf[format])
      .send(typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength))
  })
}
