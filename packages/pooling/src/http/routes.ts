import type { FastifyInstance, FastifyRequest } from 'fastify'
import { eventLimits, parseEventsMessage } from '../wire/events-message.ts'
import { contentTypeOf, type Format, formatOf, mediaTypes, parseJson, unpackMessage } from '../wire/formats.ts'
import type { MessageLimits } from '../wire/message-limits.ts'
import type { ModelsAnswer } from '../wire/models-message.ts'
import { parseReadMessage, readLimits } from '../wire/read-message.ts'
import { checkKey } from '../wire/shape.ts'
import { WireError } from '../wire/wire-error.ts'
import { byDeadline } from './deadline.ts'
import { wireErrorOf } from './failure.ts'
import { logEventsOf } from './log-events.ts'
import { openApi } from './openapi.ts'
import { encodeReadAnswer } from './read-answer.ts'
import { send } from './send.ts'
import type { ServerParts } from './server-options.ts'

export function registerRoutes(server: FastifyInstance, parts: ServerParts): void {
  const { tenants, space, models, limits, metrics } = parts
  const dims = new Map(models.map(({ name, dim }) => [name, dim]))
  const tenantOf = (request: FastifyRequest) => tenants.get(request.principal!.tenant)!

  server.post('/v1/embeddings/read', { config: { scope: 'read', counted: true } }, async (request, reply) => {
    const { pooling } = tenantOf(request)
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

  server.post('/v1/events', { config: { scope: 'write', counted: true } }, async (request, reply) => {
    const { store, lane } = tenantOf(request)
    const columns = parseEventsMessage(bodyOf(request, eventLimits(limits)), space.schema.fields, limits)
    const format = answerFormat(request)
    const events = logEventsOf(columns, space.schema, Date.now() + limits.maxFutureMs)
    await byDeadline(request.endMs, 'the events may be applied still', async () => {
      if (events.length > 0) await lane.ingest(events)
      await store.flushed()
    })
    return send(reply, format, { accepted: events.length })
  })

  server.delete<{ Params: { id: string } }>(
    '/v1/users/:id',
    { config: { scope: 'admin', counted: true } },
    async (request, reply) => {
      const { id } = request.params
      checkKey(id, 'the user', -1)
      const { store } = tenantOf(request)
      const receipt = await byDeadline(request.endMs, 'the user may be forgotten still; send it again', async () => {
        const given = await store.forget(id)
        await store.flushed()
        return given
      })
      return send(reply, answerFormat(request), receipt)
    },
  )

  server.get('/v1/models', { config: { scope: 'read', counted: true } }, async (request, reply) => {
    const { pooling } = tenantOf(request)
    const answer: ModelsAnswer = {
      models: models.map(({ name, dim }) => {
        const { snapshot = null, frame = null, dataCutoffMs = null } = pooling.latest(name) ?? {}
        return { model: name, dim, snapshot, frame, dataCutoffMs }
      }),
    }
    return send(reply, answerFormat(request), answer)
  })

  server.get('/healthz', async (_request, reply) => send(reply, 'json', { status: 'ok' }))

  server.get('/readyz', async (_request, reply) => {
    const problem = await whyNotReady(parts)
    if (problem !== null) throw new WireError('not_ready', problem)
    return send(reply, 'json', { status: 'ready' })
  })

  server.get('/metrics', { config: { scope: 'metrics' } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  server.get('/openapi.json', async (_request, reply) => send(reply, 'json', openApi(limits)))
}

/** Longest that the store may take to show that it answers. */
const probeMs = 1_000

async function whyNotReady({ tenants, models, isDraining, onError }: ServerParts): Promise<string | null> {
  if (isDraining()) return 'the server is stopping'
  for (const [tenant, { store, pooling }] of tenants) {
    const without = models.find(({ name }) => pooling.latest(name) === undefined)
    if (without !== undefined) return `model "${without.name}" of tenant "${tenant}" has no snapshot yet`
    try {
      await byDeadline(performance.now() + probeMs, 'the store is slow', () => store.forgottenAtMs(['probe']))
    } catch (error) {
      onError?.(error)
      return `the store does not answer (${wireErrorOf(error).code})`
    }
  }
  return null
}

/** @throws WireError `unsupported_media_type`, `malformed_body` */
function bodyOf(request: FastifyRequest, limits: MessageLimits): unknown {
  const format = formatOf(request.headers['content-type'] ?? '')
  if (format === undefined || !(request.body instanceof Uint8Array)) {
    throw new WireError('unsupported_media_type', `the body has no known type; send ${mediaTypes.join(' or ')}`)
  }
  return format === 'json' ? parseJson(request.body) : unpackMessage(request.body, limits)
}

/** What the caller accepts; else the format of the body, or JSON. @throws WireError `not_acceptable` */
function answerFormat(request: FastifyRequest): Format {
  const { accept, 'content-type': contentType } = request.headers
  const ofBody = formatOf(contentType ?? '') ?? 'json'
  if (accept === undefined) return ofBody
  for (const range of accept.split(',')) {
    const format = formatOf(range)
    if (format !== undefined) return format
    if (/^\s*(\*|application)\/\*/.test(range)) return ofBody
  }
  throw new WireError('not_acceptable', `no accepted type is served; accept ${mediaTypes.join(' or ')}`)
}
