/** The service's description at `/openapi.json`, OpenAPI 3.1, made of its routes and the schemas of their bodies. */
import { key, messages, text } from '@headwater/client/schemas'
import { type ErrorCode, errorStatus } from '@headwater/client/wire'
import type { TSchema } from 'typebox'
import { scopes } from '../access/tokens.ts'
import type { RouteRule } from '../admission/admission-control.ts'
import * as consoleMessages from '../console/console-messages.ts'
import type { Operation } from '../parts/operation.ts'
import { deadlineHeader } from '../requests/deadline.ts'
import type { ServerLimits } from '../requests/limits.ts'
import { requestHeader } from '../requests/request-name.ts'

type Json = Readonly<Record<string, unknown>>

export interface DescribedRoute {
  readonly method: string
  /** As the router has it, `/v1/users/:id`. */
  readonly url: string
  readonly operation: Operation
  /** Absent: the route is open to all. */
  readonly scope?: RouteRule['scope']
}

/** By the object, which other schemas hold. */
const names: ReadonlyMap<unknown, string> = new Map(
  Object.entries({ ...messages, ...consoleMessages }).map(([name, schema]) => [schema, name]),
)

/** The document, for the limits that the server runs with. */
export function openApi(routes: readonly DescribedRoute[], limits: ServerLimits): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}')
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Headwater', version: '1', description: 'User embeddings that no read waits for.' },
    paths,
    components: {
      schemas: Object.fromEntries([...names].map(([schema, name]) => [name, written(schema as Json, limits)])),
      parameters: {
        deadline: {
          name: deadlineHeader,
          in: 'header',
          description: `milliseconds that the caller gives the request, at most ${limits.maxDeadlineMs}, which is the default`,
          schema: { type: 'integer', minimum: 1 },
        },
        request: {
          name: requestHeader,
          in: 'header',
          description: "the caller's name of the request, as outcomes name it: the served log keeps it",
          schema: { type: 'string', minLength: 1, maxLength: 512 },
        },
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: `scopes: ${scopes.join(', ')}` } },
    },
  }
}

/** A schema as JSON: with references to those that have names, and the server's limits. */
function written(schema: Json, limits: ServerLimits): Json {
  const of = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(of)
    if (typeof value !== 'object' || value === null) return value
    const name = names.get(value)
    return name === undefined ? written(value as Json, limits) : { $ref: `#/components/schemas/${name}` }
  }
  const entries = Object.entries(schema).filter(([name]) => !name.startsWith('x-'))
  const { 'x-limit': limit, 'x-binary': binary, description = '' } = schema
  const asBinary = binary === 'vectors' ? 'f32 or fp16' : binary
  return {
    ...Object.fromEntries(entries.map(([name, value]) => [name, of(value)])),
    ...(limit !== undefined && { maxItems: limits[limit as keyof ServerLimits] }),
    ...(binary !== undefined && {
      description: `${description}${description && '; '}in MessagePack a little-endian binary of ${asBinary}`,
    }),
  }
}

/** The errors that a guarded request of any kind may end with, and one with a body. */
const guardedErrors: readonly ErrorCode[] = [
  'unauthenticated',
  'forbidden',
  'too_many_requests',
  'overloaded',
  'deadline_exceeded',
  'internal',
  'draining',
  'loopback_only',
  'cross_site',
  'invalid_request',
]
const bodyErrors: readonly ErrorCode[] = [
  'malformed_body',
  'malformed_http',
  'batch_too_large',
  'body_too_large',
  'unsupported_media_type',
  'not_acceptable',
  'request_timeout',
]

const contentOf = (schema: TSchema) => {
  const of = { schema: { $ref: `#/components/schemas/${names.get(schema)}` } }
  return { 'application/json': of, 'application/msgpack': of }
}

/** Of answers that are no text. */
const contentTypes: Readonly<Record<string, Json>> = {
  'application/json': { schema: { type: 'object' } },
  'application/zip': {},
}

const pathParameters: Readonly<Record<string, TSchema>> = { id: key, item: key, model: text, file: text }

function operationOf({ url, operation, scope }: DescribedRoute): Json {
  const { id, summary, body, answer, accepted, errors = [], numbers = {} } = operation
  const parameters: Json[] = [...url.matchAll(/:(\w+)/g)].map(([, name]) => {
    const { 'x-code': _, ...schema } = pathParameters[name] as Json
    return { name, in: 'path', required: true, schema }
  })
  for (const [name, description] of Object.entries(numbers))
    parameters.push({ name, in: 'query', description, schema: { type: 'integer', minimum: 0 } })
  if (scope !== undefined && typeof answer !== 'string') parameters.push({ $ref: '#/components/parameters/deadline' })
  if (body === messages.ReadRequest) parameters.push({ $ref: '#/components/parameters/request' })
  const codes = [...(scope === undefined ? [] : guardedErrors), ...(body === undefined ? [] : bodyErrors), ...errors]
  const refusals = [...new Set(codes.map((code) => errorStatus[code]))].map((status) => {
    const description = codes.filter((code) => errorStatus[code] === status).join(', ')
    return [String(status), { description, content: contentOf(messages.ErrorAnswer) }]
  })
  const content =
    typeof answer === 'string'
      ? { [answer]: contentTypes[answer] ?? { schema: { type: 'string' } } }
      : contentOf(answer)
  return {
    operationId: id,
    summary: scope === undefined ? summary : `${summary} Needs the scope "${scope}".`,
    ...(scope !== undefined && { security: [{ bearer: [scope] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      200: { description: 'success', content },
      ...(answer === 'application/zip' && { 304: { description: 'what `if-none-match` names is as it was' } }),
      ...(accepted !== undefined && {
        202: {
          description: 'the change goes on; the answer about the model says what it ends in',
          content: contentOf(accepted),
        },
      }),
      ...Object.fromEntries(refusals),
    },
  }
}
