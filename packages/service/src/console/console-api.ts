/** The console's part of the service's description. */
import { historyColumns } from './history.ts'

type Json = Readonly<Record<string, unknown>>

/** What the description is written with. */
export interface ApiWriting {
  readonly ref: (name: string) => Json
  readonly object: (properties: Json, required?: string[]) => Json
  readonly list: (items: Json, more?: Json) => Json
}

const number = { type: 'number' }
const integer = { type: 'integer' }
const text = { type: 'string' }
const orNull = (type: string) => ({ type: [type, 'null'] })

export function consoleSchemas({ ref, object, list }: ApiWriting): Json {
  const counts = { type: 'object', additionalProperties: integer }
  return {
    ConsoleData: object({
      nowMs: number,
      startedMs: { ...number, description: 'tells one process from another' },
      caller: object({ name: text, tenant: text, scopes: list(text) }),
      models: list(
        object({
          model: text,
          dim: integer,
          snapshot: orNull('integer'),
          frame: orNull('integer'),
          dataCutoffMs: orNull('number'),
          isManaged: { type: 'boolean' },
        }),
      ),
      totals: { ...counts, description: "since the start, of the token's tenant" },
      queue: object({ users: integer, due: integer, oldestSeconds: number }),
      sharedQueues: {
        anyOf: [
          { type: 'null' },
          list(
            object({
              model: text,
              agoMs: integer,
              waiting: integer,
              taken: integer,
              dead: integer,
              sums: object({ shed: integer }),
              buried: counts,
            }),
          ),
        ],
        description:
          'of all processes together, as they were seen `agoMs` ago; null where refreshes wait in this one. `buried`: dead letters by reason',
      },
      staleness: object({
        sinceMs: number,
        models: list(object({ model: text, boundsSeconds: list(number), counts: list(integer) })),
      }),
      recent: ref('ConsoleHistory'),
      day: ref('ConsoleHistory'),
      encoder: { anyOf: [{ type: 'null' }, object({ state: text, restarts: integer })] },
      service: {
        anyOf: [{ type: 'null' }, list(object({ name: text, help: text, labels: { type: 'object' }, value: number }))],
        description: 'figures of all tenants, for the scope metrics or where there is one tenant',
      },
    }),
    ConsoleHistory: object(Object.fromEntries(historyColumns.map((name) => [name, list(orNull('number'))]))),
    DriftMap: object({
      model: text,
      users: integer,
      frame: orNull('integer'),
      otherFrame: integer,
      shares: { anyOf: [{ type: 'null' }, list(number, { minItems: 2, maxItems: 2 })] },
      snapshots: list(
        object({
          snapshot: integer,
          users: integer,
          moved: integer,
          cosineMean: orNull('number'),
          cosineP10: orNull('number'),
        }),
      ),
      paths: list(object({ snapshots: list(integer), x: list(number), y: list(number), cosine: orNull('number') })),
    }),
    UserRequest: object({ user: { type: 'string', minLength: 1, maxLength: 512 } }),
    UserAnswer: object({
      isDue: { type: 'boolean' },
      models: list(ref('UserEmbedding')),
    }),
    UserEmbedding: object({
      model: text,
      dim: integer,
      status: { enum: ['fresh', 'stale', 'default'] },
      snapshot: orNull('integer'),
      frame: orNull('integer'),
      featureTimeMs: orNull('number'),
      ageMs: orNull('number'),
      norm: number,
      shape: list(number, { maxItems: 64 }),
    }),
  }
}

const time = (name: string) => ({
  name,
  in: 'query',
  description: 'steps that ended after it, milliseconds since 1970; default: all',
  schema: { type: 'integer', minimum: 0 },
})
const file = { name: 'file', in: 'path', required: true, schema: text }
const page = (operationId: string, summary: string, type: string) => ({
  operationId,
  summary,
  responses: { 200: { description: 'success', content: { [type]: { schema: text } } } },
})

/** @param guarded by the scope `read` */
export function consolePaths(
  guarded: Json,
  model: Json,
  deadline: Json,
  requestBody: (name: string) => Json,
  answers: (name: string, kind: 'read' | 'model' | 'body') => Json,
): Json {
  return {
    '/console': { get: page('console', 'The page that shows the service, without any figures in it.', 'text/html') },
    '/console/{file}': {
      get: {
        ...page('consoleFile', 'A script, the style or the icon of the page.', 'text/javascript'),
        parameters: [file],
      },
    },
    '/console/data': {
      get: {
        operationId: 'consoleData',
        summary: 'What the console shows of the token\'s tenant. Needs the scope "read".',
        ...guarded,
        parameters: [time('recent'), time('day'), deadline],
        responses: answers('ConsoleData', 'read'),
      },
    },
    '/console/drift/{model}': {
      get: {
        operationId: 'consoleDrift',
        summary: 'How snapshots moved a panel of the tenant\'s users. Needs the scope "read".',
        ...guarded,
        parameters: [model, deadline],
        responses: answers('DriftMap', 'model'),
      },
    },
    '/console/user': {
      post: {
        operationId: 'consoleUser',
        summary: 'What is served to one user, uncounted. Needs the scope "read".',
        ...guarded,
        parameters: [deadline],
        requestBody: requestBody('UserRequest'),
        responses: answers('UserAnswer', 'body'),
      },
    },
  }
}
