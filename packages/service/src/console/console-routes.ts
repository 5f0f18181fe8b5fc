import { invalid, WireError } from '@headwater/client/wire'
import { UnknownModelError } from '@headwater/pooling'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { checkOf } from '../messages/message-check.ts'
import { asking, lookScope, type Operation } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import { bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'
import { consoleData } from './console-figures.ts'
import { ConsoleData, DriftMap, UserAnswer, UserRequest } from './console-messages.ts'
import { ConsoleWatch } from './console-watch.ts'
import { lookUp } from './look-up.ts'
import { pageFiles, pageHeaders } from './page-files.ts'

interface OfFile {
  readonly Params: { readonly file: string }
}
interface OfData {
  readonly Querystring: { readonly recent?: unknown; readonly day?: unknown }
}
interface OfDrift {
  readonly Params: { readonly model: string }
}

/** Of a body that names a user. */
const smallBody = { maxDepth: 2, maxValues: 8 }

/** What is shown changes, and is nobody's but the caller's. */
const unkept = { 'cache-control': 'no-store' }

const checkUser = checkOf(UserRequest)

const page = (id: string, summary: string, answer: 'text/html' | 'text/javascript'): { operation: Operation } => {
  return { operation: { id, summary, answer } }
}
const after = 'steps that ended after it, milliseconds since 1970; default: all'
const showData: Operation = {
  id: 'consoleData',
  summary: "What the console shows of the token's tenant.",
  answer: ConsoleData,
  errors: ['not_acceptable'],
  numbers: { recent: after, day: after },
}
const showDrift: Operation = {
  id: 'consoleDrift',
  summary: "How snapshots moved a panel of the tenant's users.",
  answer: DriftMap,
  errors: ['not_acceptable', 'deadline_exceeded', 'store_unavailable', 'unknown_model'],
}
const showUser = asking('read', {
  id: 'consoleUser',
  summary: 'What is served to one user, uncounted.',
  body: UserRequest,
  answer: UserAnswer,
  errors: ['invalid_key', 'store_unavailable'],
})

/** `/console`: the page, which is open to all as nothing is in it, and what it shows, which is not. */
export function registerConsole(server: FastifyInstance, parts: ServerParts): void {
  const { tenants, models } = parts
  const watch = new ConsoleWatch(server, parts)
  const names = models.map(({ name }) => name)

  const sendFile = (reply: FastifyReply, name: string) => {
    const file = pageFiles.get(name)
    if (file === undefined) throw new WireError('unknown_route', 'the console has no such file; open /console')
    return reply.headers(pageHeaders).type(file.type).send(file.body)
  }
  const start = page('console', 'The page that shows the service, without any figures in it.', 'text/html')
  server.get('/console', { config: start }, async (_request, reply) => sendFile(reply, 'index.html'))
  const part = page('consoleFile', 'A script, the style or the icon of the page.', 'text/javascript')
  server.get<OfFile>('/console/:file', { config: part }, async (request, reply) => sendFile(reply, request.params.file))

  const scope = lookScope(parts.scopes)
  // Not counted against the requests that are answered at once: it is looked at when there are too many of them.
  const looking = (operation: Operation) => asking(scope, operation, false)
  server.get<OfData>('/console/data', looking(showData), async (request, reply) => {
    const { query, context } = request
    reply.headers(unkept)
    const since = { recentMs: timeOf(query.recent, 'recent'), dayMs: timeOf(query.day, 'day') }
    return consoleData(parts, watch, context.principal!, since)
  })

  server.get<OfDrift>('/console/drift/:model', looking(showDrift), async (request, reply) => {
    const { model } = request.params
    reply.headers(unkept)
    if (!names.includes(model)) throw new UnknownModelError(model, names)
    return byDeadline(request.context.endMs, 'ask again', () => watch.drift(request.context.principal!.tenant, model))
  })

  // In a body, as addresses are written into logs. A server that answers no reads answers nothing about users.
  server.post('/console/user', showUser, async (request, reply) => {
    const { user } = checkUser(bodyOf(request, smallBody))
    reply.headers(unkept)
    const look = () => lookUp(tenantOf(tenants, request.context), models, user)
    return byDeadline(request.context.endMs, 'ask again', look)
  })
}

/** Milliseconds since 1970, or 0 where it is not given. @throws WireError `invalid_request` */
function timeOf(value: unknown, name: string): number {
  if (value === undefined) return 0
  const ms = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (Number.isNaN(ms)) throw invalid(name, 'is no time; give whole milliseconds since 1970')
  return ms
}
