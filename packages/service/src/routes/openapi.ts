/** The service's description at `/openapi.json`, OpenAPI 3.1. */

import { type ErrorCode, errorStatus } from '@headwater/client/wire'
import { scopes } from '../access/tokens.ts'
import { consolePaths, consoleSchemas } from '../console/console-api.ts'
import { deadlineHeader } from '../requests/deadline.ts'
import type { ServerLimits } from '../requests/limits.ts'
import { requestHeader } from '../requests/request-name.ts'

type Json = Readonly<Record<string, unknown>>

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const object = (properties: Json, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})
const list = (items: Json, more: Json = {}) => ({ type: 'array', items, ...more })
const number = { type: 'number' }
const integer = { type: 'integer' }
const text = { type: 'string' }
const key = { type: 'string', minLength: 1, maxLength: 512 }

/** The schemas of JSON bodies. In MessagePack the flat lists of numbers of an answer are little-endian binaries. */
function schemas({ maxUsers, maxModels, maxEvents }: ServerLimits): Json {
  const value = {
    anyOf: [number, text, { type: 'null' }, list(text), list(number)],
    description: 'a float, an id, nothing, ids, or a vector, as the schema of the model has it',
  }
  const orNull = (type: string) => ({ type: [type, 'null'] })
  const figure = { ...orNull('number'), description: 'null, in MessagePack NaN, before the first row' }
  const flat = (description: string, items: Json = number) => list(items, { description })
  const modelAnswer = {
    model: text,
    dim: { type: 'integer', minimum: 1 },
    encoding: { enum: ['f32', 'f16'] },
    vectors: flat('[users, dim], flat; in MessagePack f32 or fp16'),
    latest: flat('[users, dim], flat: the newest embedding, where it was asked for'),
    status: flat('0 fresh, 1 stale, 2 default; in MessagePack u8', { enum: [0, 1, 2] }),
    snapshot: flat('of the newest embedding; in MessagePack u32', integer),
    frame: flat('its alignment frame; in MessagePack u32', integer),
    featureTimeMs: flat('time as of which its features were read; in MessagePack f64'),
    ageMs: flat('null, in MessagePack NaN, where the default is served; f64', orNull('number')),
  }
  const { latest: _latest, ...always } = modelAnswer
  return {
    ReadRequest: object(
      {
        users: list(key, { maxItems: maxUsers }),
        models: list(text, { maxItems: maxModels, uniqueItems: true }),
        encoding: { enum: ['f32', 'f16'], default: 'f32', description: 'of vectors in MessagePack' },
        latest: { type: 'boolean', default: false },
        segments: list(orNull('string'), { maxItems: maxUsers, description: 'by which users of no vector get theirs' }),
      },
      ['users', 'models'],
    ),
    ReadAnswer: object({ servedMs: number, models: list(ref('ModelAnswer')) }),
    ModelAnswer: object(modelAnswer, Object.keys(always)),
    EventsRequest: object(
      {
        users: list(key, { maxItems: maxEvents }),
        items: list(key, { maxItems: maxEvents }),
        timesMs: list(number, { maxItems: maxEvents, description: 'milliseconds since 1970; in MessagePack also f64' }),
        fields: { type: 'object', additionalProperties: list(value), description: 'a column of each field' },
        ids: list(
          { anyOf: [key, { type: 'null' }] },
          { maxItems: maxEvents, description: "one that is known of the user's last 64 changes nothing" },
        ),
      },
      ['users', 'items', 'timesMs'],
    ),
    FeaturesRequest: object(
      {
        values: { type: 'object', additionalProperties: value, description: 'fields that describe the user, by name' },
        timeMs: { type: 'number', description: 'milliseconds since 1970; default: now' },
      },
      ['values'],
    ),
    AcceptedAnswer: object({ accepted: integer }),
    OutcomesRequest: object(
      {
        downstream: { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$', description: 'the downstream model' },
        requests: list(key, { maxItems: maxEvents, description: 'one that was told of before is passed over' }),
        users: list(key, { maxItems: maxEvents }),
        predictions: list(
          { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
          { maxItems: maxEvents, description: 'probabilities of the label 1; in MessagePack also f64' },
        ),
        labels: list({ enum: [0, 1] }, { maxItems: maxEvents, description: 'in MessagePack also u8' }),
        timesMs: list(number, { maxItems: maxEvents, description: 'milliseconds since 1970; in MessagePack also f64' }),
      },
      ['downstream', 'requests', 'predictions', 'labels', 'timesMs'],
    ),
    OutcomesAnswer: object({
      accepted: { type: 'integer', description: 'outcomes that are new' },
      normalizedEntropy: { ...orNull('number'), description: 'of the last outcomes; null while all labels are one' },
      rows: { type: 'integer', description: 'outcomes of the downstream model scored since the start' },
    }),
    Receipt: object({
      user: text,
      tenant: text,
      atMs: number,
      removed: list(object({ where: text, what: text, count: integer })),
      failed: list(object({ where: text, reason: text })),
    }),
    ModelsAnswer: object({
      models: list(
        object({
          model: text,
          dim: integer,
          snapshot: orNull('integer'),
          frame: orNull('integer'),
          dataCutoffMs: orNull('number'),
        }),
      ),
    }),
    ModelSnapshots: object({
      model: text,
      dim: integer,
      snapshots: list(
        object({
          snapshot: integer,
          state: { enum: ['served', 'shadow', 'held', 'available'] },
          frame: integer,
          dataCutoffMs: number,
          publishedMs: orNull('number'),
        }),
      ),
      shadow: { anyOf: [{ type: 'null' }, ref('ShadowReport')] },
      change: { anyOf: [{ type: 'null' }, ref('SnapshotChange')], description: 'what was asked last' },
    }),
    ShadowReport: object({
      snapshot: integer,
      rows: integer,
      cosineMean: figure,
      cosineP1: figure,
      normRatioMean: figure,
      sameFrame: { type: 'boolean' },
      panel: { anyOf: [{ type: 'null' }, ref('PanelComparison')] },
    }),
    PanelComparison: object({
      users: integer,
      residual: number,
      cosine: number,
      relativeL2: number,
      oldNorm: number,
      newNorm: number,
    }),
    PromoteRequest: object({ snapshot: { type: 'integer', minimum: 0 } }),
    ServedSnapshot: object({ model: text, snapshot: integer }),
    SnapshotChange: object({
      snapshot: orNull('integer'),
      state: { enum: ['loading', 'served', 'refused'] },
      error: { anyOf: [{ type: 'null' }, object({ code: text, message: text })] },
    }),
    LoadingSnapshot: object({ model: text, change: ref('SnapshotChange') }),
    ...consoleSchemas({ ref, object, list }),
    Status: object({ status: { enum: ['ok', 'ready', 'degraded'] }, problem: text }, ['status']),
    Error: object({
      error: object({ code: { enum: Object.keys(errorStatus) }, message: text, details: {} }, ['code', 'message']),
    }),
  }
}

const bodyOf = (name: string) => ({
  'application/json': { schema: ref(name) },
  'application/msgpack': { schema: ref(name) },
})

/** The errors that a request of any kind may end with. */
const general: readonly ErrorCode[] = ['unauthenticated', 'forbidden', 'too_many_requests', 'internal', 'draining']

function answers(name: string, more: readonly ErrorCode[], isGuarded = true): Json {
  const codes = isGuarded ? [...general, 'loopback_only' as const, 'invalid_request' as const, ...more] : more
  const statuses = [...new Set(codes.map((code) => errorStatus[code]))]
  const errors = statuses.map((status) => [
    String(status),
    { description: codes.filter((code) => errorStatus[code] === status).join(', '), content: bodyOf('Error') },
  ])
  return { 200: { description: 'success', content: bodyOf(name) }, ...Object.fromEntries(errors) }
}

/** A change of the snapshot that takes longer than its request. */
const whileLoading = {
  202: { description: 'the change goes on; what it ends in is told of the model', content: bodyOf('LoadingSnapshot') },
}

const bodyErrors: readonly ErrorCode[] = [
  'malformed_body',
  'malformed_http',
  'invalid_key',
  'batch_too_large',
  'body_too_large',
  'unsupported_media_type',
  'not_acceptable',
  'request_timeout',
  'deadline_exceeded',
  'store_unavailable',
]
const writeErrors: readonly ErrorCode[] = ['contention', 'store_full', 'log_unavailable']
const controlErrors: readonly ErrorCode[] = [
  'unknown_model',
  'unmanaged_model',
  'snapshot_refused',
  'encoder_unavailable',
  'not_acceptable',
  'body_too_large',
  'unsupported_media_type',
  'request_timeout',
  'deadline_exceeded',
]
const consoleErrors: readonly ErrorCode[] = ['not_acceptable', 'deadline_exceeded', 'store_unavailable']
const modelErrors: readonly ErrorCode[] = ['unknown_model']
const deadline = { $ref: '#/components/parameters/deadline' }
const user = { name: 'id', in: 'path', required: true, schema: key }
const model = { name: 'model', in: 'path', required: true, schema: text }
const guarded = (scope: string) => ({ security: [{ bearer: [scope] }] })

/** The document, for the limits that the server runs with. */
export function openApi(limits: ServerLimits): Json {
  const requestBody = (name: string) => ({ required: true, content: bodyOf(name) })
  return {
    openapi: '3.1.0',
    info: { title: 'Headwater', version: '1', description: 'User embeddings that no read waits for.' },
    paths: {
      '/v1/embeddings/read': {
        post: {
          operationId: 'readEmbeddings',
          summary: 'Pooled embeddings of users, for several models in one call. Needs the scope "read".',
          ...guarded('read'),
          parameters: [deadline, { $ref: '#/components/parameters/request' }],
          requestBody: requestBody('ReadRequest'),
          responses: answers('ReadAnswer', [...bodyErrors, 'unknown_model']),
        },
      },
      '/v1/events': {
        post: {
          operationId: 'ingestEvents',
          summary: 'Events, all of a call or none; answered once they are durable. Needs the scope "write".',
          ...guarded('write'),
          parameters: [deadline],
          requestBody: requestBody('EventsRequest'),
          responses: answers('AcceptedAnswer', [...bodyErrors, ...writeErrors, 'invalid_event']),
        },
      },
      '/v1/users/{id}': {
        delete: {
          operationId: 'forgetUser',
          summary: 'Forgets a user and answers with a receipt. Needs the scope "admin".',
          ...guarded('admin'),
          parameters: [user, deadline],
          responses: answers('Receipt', [...bodyErrors, 'forget_incomplete', 'store_full']),
        },
      },
      '/v1/users/{id}/features': {
        put: {
          operationId: 'putFeatures',
          summary: 'Sets fields that describe a user, without an event; durable. Needs the scope "write".',
          ...guarded('write'),
          parameters: [user, deadline],
          requestBody: requestBody('FeaturesRequest'),
          responses: answers('AcceptedAnswer', [...bodyErrors, ...writeErrors, 'invalid_event']),
        },
      },
      '/v1/outcomes': {
        post: {
          operationId: 'sendOutcomes',
          summary: 'What came of a downstream model\'s predictions; durable, and scored. Needs the scope "write".',
          ...guarded('write'),
          parameters: [deadline],
          requestBody: requestBody('OutcomesRequest'),
          responses: answers('OutcomesAnswer', [
            ...bodyErrors,
            'invalid_outcome',
            'too_many_downstreams',
            'log_unavailable',
          ]),
        },
      },
      '/v1/models': {
        get: {
          operationId: 'listModels',
          summary: 'Models and the snapshots that refreshes go through. Needs the scope "read".',
          ...guarded('read'),
          parameters: [deadline],
          responses: answers('ModelsAnswer', ['not_acceptable']),
        },
      },
      '/v1/models/{model}': {
        get: {
          operationId: 'listSnapshots',
          summary: 'A model\'s snapshots, and how its shadow compares. Needs the scope "read".',
          ...guarded('read'),
          parameters: [model, deadline],
          responses: answers('ModelSnapshots', ['unknown_model', 'not_acceptable', 'deadline_exceeded']),
        },
      },
      '/v1/models/{model}/promote': {
        post: {
          operationId: 'promoteSnapshot',
          summary: 'Serves another snapshot, to all tenants. Needs the scope "admin".',
          ...guarded('admin'),
          parameters: [model, deadline],
          requestBody: requestBody('PromoteRequest'),
          responses: {
            ...answers('ServedSnapshot', [...controlErrors, 'malformed_body', 'unknown_snapshot']),
            ...whileLoading,
          },
        },
      },
      '/v1/models/{model}/rollback': {
        post: {
          operationId: 'rollbackSnapshot',
          summary: 'Serves the snapshot before again, to all tenants. Needs the scope "admin".',
          ...guarded('admin'),
          parameters: [model, deadline],
          responses: { ...answers('ServedSnapshot', controlErrors), ...whileLoading },
        },
      },
      ...consolePaths(guarded('read'), model, deadline, requestBody, (name, kind) =>
        answers(name, kind === 'body' ? bodyErrors : [...consoleErrors, ...(kind === 'model' ? modelErrors : [])]),
      ),
      '/healthz': {
        get: { operationId: 'health', summary: 'Whether the process lives.', responses: answers('Status', [], false) },
      },
      '/readyz': {
        get: {
          operationId: 'readiness',
          summary: 'Whether every model has a snapshot and the store answers; "degraded" while the encoder is away.',
          responses: answers('Status', ['not_ready'], false),
        },
      },
      '/metrics': {
        get: {
          operationId: 'metrics',
          summary: 'Figures of all tenants for Prometheus. Needs the scope "metrics".',
          ...guarded('metrics'),
          responses: {
            ...answers('Error', []),
            200: { description: 'success', content: { 'text/plain': { schema: text } } },
          },
        },
      },
      '/openapi.json': {
        get: {
          operationId: 'openApi',
          summary: 'This document.',
          responses: {
            200: { description: 'success', content: { 'application/json': { schema: { type: 'object' } } } },
          },
        },
      },
    },
    components: {
      schemas: schemas(limits),
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
