import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { PoolingConfigError } from '../errors.ts'
import { type Format, formatOf, mediaTypes } from '../wire/formats.ts'
import { type ErrorBody, type ErrorCode, errorStatus, WireError } from '../wire/wire-error.ts'
import { admit, Concurrency } from './admission.ts'
import { deadlineOf } from './deadline.ts'
import { EventLane } from './event-lane.ts'
import { wireErrorOf } from './failure.ts'
import { limitsOf } from './limits.ts'
import { Metrics } from './metrics.ts'
import { registerRoutes } from './routes/index.ts'
import { send } from './send.ts'
import type { ServerOptions } from './server-options.ts'

/**
 * A pooling as an HTTP service. `listen` starts it; `close` refuses what comes later, answers what is under way and then
 * resolves: poolings and stores stay open, and are the caller's.
 *
 * @throws PoolingConfigError
 */
export function createServer(options: ServerOptions): FastifyInstance {
  const limits = limitsOf(options.limits ?? {})
  const { auth, onError = () => {} } = options
  if (options.tenants.size === 0) throw new PoolingConfigError('no tenant is given; give at least "default"')
  for (const name of auth === 'loopback' ? ['default'] : auth.tenants) {
    if (!options.tenants.has(name))
      throw new PoolingConfigError(`tenant "${name}" has tokens, but no pooling; give it one`)
  }
  const tenants = new Map(
    [...options.tenants].map(([name, tenant]) => [
      name,
      { ...tenant, lane: new EventLane(tenant.pooling, limits.maxEvents) },
    ]),
  )
  const concurrency = new Concurrency(limits.maxConcurrent)
  const metrics = new Metrics(
    [...tenants.values()].map(({ pooling }) => pooling),
    options.models.map(({ name }) => name),
    () => concurrency.now,
  )
  let draining = false
  const server = Fastify({
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.arrivalTimeoutMs,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // A key of 512 bytes, each of them escaped.
    routerOptions: { maxParamLength: 3 * 512 },
    http: {
      headersTimeout: limits.arrivalTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.arrivalTimeoutMs),
    },
    clientErrorHandler: (error, socket) => answerRaw(error, socket),
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
  })
  server.server.maxConnections = limits.maxConnections

  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const wire = wireErrorOf(error)
    metrics.requestFailed(wire.code)
    if (wire.status >= 500 && wire.code !== 'deadline_exceeded' && wire.code !== 'draining') onError(wire.cause ?? wire)
    if (wire.status === 401) reply.header('www-authenticate', 'Bearer')
    if (wire.status === 429 || wire.status === 503) reply.header('retry-after', '1')
    // A body that was not read would be taken for the next request.
    if (wire.code === 'body_too_large' || wire.code === 'draining') reply.header('connection', 'close')
    const { code, message, details } = wire
    const body: ErrorBody = { error: { code, message, ...(details !== undefined && { details }) } }
    return send(reply.code(wire.status), errorFormat(request), body)
  }

  server.decorateRequest('arrivedMs', 0)
  server.decorateRequest('endMs', 0)
  server.decorateRequest('principal', null)
  server.addHook('onRequest', async (request, reply) => {
    request.arrivedMs = performance.now()
    const { scope, counted } = request.routeOptions.config
    if (scope === undefined) return
    if (draining) throw new WireError('draining', 'the server is stopping; ask another one, or later')
    request.principal = admit(request, auth, scope)
    if (counted) concurrency.enter(reply)
    request.endMs = request.arrivedMs + deadlineOf(request, limits.maxDeadlineMs)
  })
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    metrics.requestEnded(route, reply.statusCode, performance.now() - request.arrivedMs)
  })
  server.addHook('preClose', async () => {
    draining = true
    // Every request ends by then but one whose caller does not take the answer.
    await concurrency.idle(limits.arrivalTimeoutMs + limits.maxDeadlineMs)
    // A connection that has not brought a request yet counts as busy, and would hold the end up until it times out.
    server.server.closeAllConnections()
  })
  server.setErrorHandler((error, request, reply) => fail(error, request, reply))
  server.setNotFoundHandler((request, reply) =>
    fail(new WireError('unknown_route', 'there is no such route; /openapi.json lists them'), request, reply),
  )
  server.removeAllContentTypeParsers()
  // Routes parse bodies themselves, as each has its own bounds.
  server.addContentTypeParser(mediaTypes, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  registerRoutes(server, { ...options, tenants, limits, metrics, onError, isDraining: () => draining })
  return server
}

/** An error is told in the format of the request, or as JSON. */
function errorFormat(request: FastifyRequest): Format {
  const { accept, 'content-type': contentType } = request.headers
  return formatOf(accept ?? '') ?? formatOf(contentType ?? '') ?? 'json'
}

const rawCodes: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** Answers what never became a request: too slow, or no HTTP. */
function answerRaw(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = rawCodes[error.code ?? ''] ?? 'malformed_http'
  const message = code === 'request_timeout' ? 'the request took too long to arrive' : 'this is no HTTP request'
  const body = JSON.stringify({ error: { code, message } } satisfies ErrorBody)
  const head = `HTTP/1.1 ${errorStatus[code]} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}
