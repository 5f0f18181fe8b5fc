import type { Socket } from 'node:net'
import type { ErrorAnswer } from '@headwater/client'
import { answerTypeOf, type ErrorCode, errorStatus, mediaTypes, WireError } from '@headwater/client/wire'
import { PoolingConfigError } from '@headwater/pooling'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { AdmissionControl, type RouteRule } from '../admission/admission-control.ts'
import type { RequestContext } from '../admission/request-context.ts'
import { EventQueue } from '../events/event-queue.ts'
import { isServersOwn, wireErrorOf } from '../failures/failure.ts'
import { refusalOf } from '../failures/refusal.ts'
import { Door } from '../listener/door.ts'
import { createListener } from '../listener/listener.ts'
import { Metrics } from '../metrics/metrics.ts'
import { requestLog } from '../observation/request-log.ts'
import type { RequestObserver } from '../observation/request-observer.ts'
import { endSpan } from '../observation/tracing.ts'
import type { ServerOptions } from '../options/server-options.ts'
import { answerFormat, encodedAs } from '../requests/body.ts'
import { limitsOf } from '../requests/limits.ts'
import { registerRoutes } from '../routes/all-routes.ts'
import { readPath, readRoute } from '../routes/read.ts'

/**
 * A pooling as an HTTP service. `listen` starts it; `close` refuses what comes later, answers what is under way and then
 * resolves: poolings and stores stay open, and are the caller's.
 *
 * @throws PoolingConfigError
 */
export function createServer(options: ServerOptions): FastifyInstance {
  const limits = limitsOf(options.limits ?? {})
  const { auth, onError = () => {}, tls } = options
  if (options.tenants.size === 0) throw new PoolingConfigError('no tenant is given; give at least "default"')
  for (const name of auth === 'loopback' ? ['default'] : auth.tenants) {
    if (!options.tenants.has(name))
      throw new PoolingConfigError(`tenant "${name}" has tokens, but no pooling; give it one`)
  }
  const metrics = new Metrics(options)
  const tenants = new Map(
    [...options.tenants].map(([name, tenant]) => [
      name,
      {
        ...tenant,
        events: new EventQueue(tenant.pooling, tenant.store, limits.maxEvents),
        reads: metrics.readsOf(name),
      },
    ]),
  )
  const observers = observersOf(options, metrics)
  const admission = new AdmissionControl({ auth, limits, observers, tenants: tenants.size, scopes: options.scopes })
  const door = new Door(limits)
  admission.register(metrics.figures)
  door.register(metrics.figures)
  /** Notes what a request failed with, and says how to answer it. */
  const failed = (error: unknown, context: RequestContext): WireError => {
    const wire = wireErrorOf(error)
    context.error = wire
    if (isServersOwn(wire)) onError(wire.cause ?? wire)
    return wire
  }
  const answerRead = readRoute({ ...options, tenants, limits, admission, failed })
  const server = Fastify({
    bodyLimit: limits.maxBodyBytes,
    // It holds for the end, too, which may wait for requests as long as they may take.
    pluginTimeout: 0,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // A key of 512 bytes, each of them escaped.
    routerOptions: { maxParamLength: 3 * 512 },
    // Fastify's router and hook take a quarter of what a read may take over a bare server (docs/decisions/0010).
    serverFactory: (answer) =>
      createListener(
        limits,
        tls,
        (request, response) => {
          if (request.url === readPath && request.method === 'POST') answerRead(request, response)
          else answer(request, response)
        },
        door,
      ),
    // For the address that listening tells; the listener itself is made above.
    ...(tls !== undefined && ({ https: {} } as object)),
    clientErrorHandler: (error, socket) => answerRaw(error, socket),
    frameworkErrors: (error, request, reply) => {
      // Fastify runs no hooks for what it cannot route.
      admission.begin(request.raw, reply.raw, 'unknown', (context) => {
        const wire = failed(error, context)
        const { headers, body } = refusalOf(wire, request.headers)
        void (reply as FastifyReply).code(wire.status).headers(headers).send(body)
      })
    },
  })
  server.decorateRequest('context')
  server.addHook('onRequest', (request, reply, done) => {
    const { url = 'unknown', config } = request.routeOptions
    if (config.listener !== undefined) {
      reply.hijack()
      config.listener(request.raw, reply.raw)
      return
    }
    const rule = config.scope === undefined ? undefined : (config as RouteRule)
    const go = (context: RequestContext) => {
      request.context = context
      try {
        if (rule !== undefined) admission.admit(context, request.raw, rule)
      } catch (error) {
        done(error as Error)
        return
      }
      done()
    }
    if (!admission.begin(request.raw, reply.raw, url, go, rule)) reply.hijack()
  })
  server.addHook('preHandler', async (request, reply) => {
    const { operation, scope } = request.routeOptions.config
    if (scope !== undefined) admission.work(request.context)
    // What is no message is sent as it is.
    if (typeof operation?.answer !== 'object') return
    const format = scope === undefined ? 'json' : answerFormat(request)
    // Bytes are sent as they are, whatever its type says.
    const encode = (message: unknown) => encodedAs(format, message) as unknown as string
    reply.type(answerTypeOf[format]).serializer(encode)
  })
  server.addHook('preClose', async () => {
    admission.isDraining = true
    // Every request ends by then but one whose caller does not take the answer.
    await door.shut(admission.underWay.none(limits.arrivalTimeoutMs + limits.maxDeadlineMs))
  })
  server.setErrorHandler((error, request, reply) => {
    const wire = failed(error, request.context)
    const { headers, body } = refusalOf(wire, request.headers)
    return reply.code(wire.status).headers(headers).send(body)
  })
  server.setNotFoundHandler(() => {
    throw new WireError('unknown_route', 'there is no such route; /openapi.json lists them')
  })
  server.removeAllContentTypeParsers()
  // Routes parse bodies themselves, as each has its own bounds.
  server.addContentTypeParser(mediaTypes, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  registerRoutes(server, {
    ...options,
    tenants,
    limits,
    metrics,
    onError,
    isDraining: () => admission.isDraining,
    answerRead,
  })
  return server
}

function observersOf({ logger, requestLog: log }: ServerOptions, metrics: Metrics): readonly RequestObserver[] {
  const count: RequestObserver = (_request, { route, status, ms, error }) => {
    if (status > 0) metrics.requestEnded(route, status, ms)
    if (error !== null) metrics.requestFailed(error)
  }
  return [endSpan, count, ...(logger === undefined ? [] : [requestLog(logger, log)])]
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
  const body = JSON.stringify({ error: { code, message } } satisfies ErrorAnswer)
  const head = `HTTP/1.1 ${errorStatus[code]} Refused\r\ncontent-type: application/json\r\nconnection: close\r\n`
  socket.write(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  // Its own side ended alone, a caller who sends on would keep the connection for as long as it likes.
  socket.destroySoon()
}
