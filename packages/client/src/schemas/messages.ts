/**
 * Bodies of the service's requests and answers: the one place where they are declared. Types, the service's checks and its
 * OpenAPI description follow from it. Shape letters: U users, M models, D values of a model's vector, E events, O outcomes.
 */
import Type from 'typebox'
import { errorStatus } from '../codec/wire-error.ts'
import {
  column,
  integer,
  key,
  list,
  type Message,
  number,
  numbers,
  object,
  optional,
  orNull,
  text,
  time,
} from './building.ts'

const encoding = Type.Enum(['f32', 'f16'], { 'x-give': '"f32" or "f16"', description: 'of the values of vectors' })
/** How an answer's vectors are written: 4 or 2 bytes a value in MessagePack, in JSON the digits that give the same bits. */
export type VectorEncoding = Message<typeof encoding>

/** `POST /v1/embeddings/read` */
export const ReadRequest = object({
  users: list(key, { 'x-limit': 'maxUsers' }),
  models: list(Type.String({ 'x-give': "a model's name" }), { 'x-limit': 'maxModels', uniqueItems: true }),
  encoding: optional(encoding, { default: 'f32' }),
  latest: optional(Type.Boolean(), { default: false, description: 'whether the newest embedding is wanted too' }),
  segments: optional(list(orNull(key)), {
    'x-rows': ['users', 'a user'],
    description: 'by which users of whom nothing is held get their default',
  }),
})

/** One model's part of an answer, rows in the order of the request's users. */
export const ModelAnswer = object({
  model: text,
  dim: Type.Integer({ minimum: 1 }),
  encoding,
  vectors: numbers<Float32Array>(number, 'vectors', '[U, D] average of the newest embeddings of one frame, flat'),
  latest: Type.Optional(
    numbers<Float32Array>(number, 'vectors', '[U, D] the newest embedding, where it was asked for'),
  ),
  status: numbers<Uint8Array>(
    Type.Enum([0, 1, 2]),
    'u8',
    "[U] 0 fresh, 1 stale, 2 default: nothing is held, and the model's default vector was served",
  ),
  snapshot: numbers<Uint32Array>(integer, 'u32', '[U] of the newest embedding; 0 where the default is served'),
  frame: numbers<Uint32Array>(integer, 'u32', '[U] its alignment frame'),
  featureTimeMs: numbers<Float64Array>(number, 'f64', '[U] time as of which its features were read, since 1970'),
  ageMs: numbers<Float64Array>(
    orNull(number),
    'f64',
    '[U] time served minus feature time; null, in MessagePack NaN, where the default is served',
  ),
})

export const ReadAnswer = object({ servedMs: number, models: list(ModelAnswer) })

const value = Type.Union([number, text, Type.Null(), list(text), list(number)], {
  description: 'a float, an id, nothing, ids, or a vector, as the schema of the model has it',
})
/** A field of an event as it travels: a number, a text, a list of texts or of numbers, or nothing. */
export type WireValue = Message<typeof value>

const anEvent = ['users', 'an event'] as const

/** `POST /v1/events`, as columns: one entry an event in each. */
export const EventsRequest = object({
  users: list(key, { 'x-limit': 'maxEvents' }),
  items: list(key, { 'x-limit': 'maxEvents', 'x-rows': anEvent }),
  timesMs: column<Float64Array>(time('invalid_event'), 'f64', anEvent, 'milliseconds since 1970'),
  ids: optional(list(orNull(key)), {
    'x-rows': anEvent,
    description: "one that is known of the user's last 64 changes nothing; null: the event has none",
  }),
  fields: optional(Type.Record(Type.String(), list(value)), {
    description: 'by field of the schema, [E] each; one that is left out is missing in all events',
    'x-open': true,
  }),
})
export type EventsRequest = Message<typeof EventsRequest>

/** `PUT /v1/users/{id}/features` */
export const FeaturesRequest = object({
  values: Type.Record(Type.String(), value, {
    description: 'fields of the schema that describe the user; null leaves what is known',
    'x-open': true,
  }),
  timeMs: optional(time('invalid_request'), {
    description: 'since when they hold, milliseconds since 1970; default: now',
  }),
})

export const AcceptedAnswer = object({ accepted: integer })

const anOutcome = ['requests', 'an outcome'] as const

/** `POST /v1/outcomes` of one downstream model, as columns: one entry an outcome in each. */
export const OutcomesRequest = object({
  downstream: Type.String({
    pattern: '^[A-Za-z0-9_.:-]{1,64}$',
    description: 'name of the downstream model',
    'x-noun': 'name',
    'x-give': '1 to 64 letters, digits, "_", ".", ":" or "-"',
  }),
  requests: list(key, {
    description: 'as the served log names them; a second outcome of a request is passed over',
    'x-limit': 'maxEvents',
  }),
  users: optional(list(key), { 'x-rows': anOutcome }),
  predictions: column<Float64Array>(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      'x-code': 'invalid_outcome',
      'x-give': 'a probability between 0 and 1, neither of them',
    }),
    'f64',
    anOutcome,
    'probabilities of the label 1, as they were served',
  ),
  labels: column<Uint8Array>(Type.Enum([0, 1], { 'x-code': 'invalid_outcome', 'x-give': '0 or 1' }), 'u8', anOutcome),
  timesMs: column<Float64Array>(time('invalid_outcome'), 'f64', anOutcome, 'milliseconds since 1970'),
})
export type OutcomesRequest = Message<typeof OutcomesRequest>

export const OutcomesAnswer = object({
  accepted: Type.Integer({ description: 'outcomes that are new' }),
  normalizedEntropy: orNull(number, { description: 'of the last outcomes; null while all their labels are one' }),
  rows: Type.Integer({ description: "outcomes of the downstream model that were scored since the server's start" }),
})
export type OutcomesAnswer = Message<typeof OutcomesAnswer>

/** `DELETE /v1/users/{id}`: what was removed of a user, and where. */
export const Receipt = object({
  user: text,
  tenant: text,
  atMs: number,
  removed: list(object({ where: text, what: text, count: integer })),
  failed: list(object({ where: text, reason: text })),
})
export type Receipt = Message<typeof Receipt>

const modelInfo = object({
  model: text,
  dim: integer,
  snapshot: orNull(integer, {
    description: 'that refreshes go through, as the two below; null before one is published',
  }),
  frame: orNull(integer),
  dataCutoffMs: orNull(number, { description: 'no event at or after it was trained on, milliseconds since 1970' }),
})
export type ModelInfo = Message<typeof modelInfo>

export const ModelsAnswer = object({ models: list(modelInfo) })
export type ModelsAnswer = Message<typeof ModelsAnswer>

const driftFigures = {
  residual: Type.Number({ description: '‖new − old‖ ÷ ‖old − mean of old‖, Frobenius' }),
  centredCosine: Type.Number({
    description: 'mean over users of the cosine between both vectors, each less the mean of its side',
  }),
  varianceKept: Type.Number({ description: "squared correlation of both sides' numbers, each less the mean" }),
  effectiveRank: Type.Number({ description: 'in how many directions the new vectors tell users apart' }),
}
const snapshotDrift = object(driftFigures)

const snapshotInfo = object({
  snapshot: integer,
  state: Type.Enum(['served', 'shadow', 'held', 'available'], {
    description: '`held`: the publication gate keeps it back; `available`: it could be promoted',
  }),
  frame: integer,
  dataCutoffMs: number,
  publishedMs: orNull(number),
  drift: orNull(snapshotDrift, {
    description: 'from what was served before it; null where it was compared with nothing',
  }),
})
export type SnapshotInfo = Message<typeof snapshotInfo>

/** What two snapshots make of the same users, who were kept for comparing them. */
export const PanelComparison = object({
  users: integer,
  ...driftFigures,
  oldNorm: Type.Number({ description: 'mean norm of the old vectors' }),
  newNorm: number,
})
export type PanelComparison = Message<typeof PanelComparison>

const figure = (description: string) =>
  Type.Unsafe<number>(orNull(number, { description: `${description}; null, in MessagePack NaN, before the first row` }))

/** A shadow snapshot's vectors beside those of the one that is served, on the same rows. */
export const ShadowReport = object({
  snapshot: integer,
  rows: integer,
  cosineMean: figure('mean cosine'),
  cosineP1: figure('a hundredth of the rows lies below'),
  normRatioMean: figure("norm of the shadow's vector over that of the served one's"),
  sameFrame: Type.Boolean({ description: 'cosines of vectors of different alignment frames say nothing' }),
  panel: orNull(PanelComparison, { description: 'null until it is computed, and where there is none' }),
})
export type ShadowReport = Message<typeof ShadowReport>

const change = <State extends 'loading' | 'served' | 'refused', S extends Type.TSchema, E extends Type.TSchema>(
  state: State,
  snapshot: S,
  error: E,
  description: string,
) => object({ state: Type.Literal(state), snapshot, error }, { description })

/** A promotion or a rollback. */
export const SnapshotChange = Type.Union([
  change('loading', orNull(integer), Type.Null(), 'in a rollback it is not known yet where it leads'),
  change('served', integer, Type.Null(), 'made'),
  change(
    'refused',
    orNull(integer),
    object({ code: Type.Enum(codes()), message: text }),
    'the one before is served on',
  ),
])
export type SnapshotChange = Message<typeof SnapshotChange>

/** `GET /v1/models/{model}` */
export const ModelSnapshots = object({
  model: text,
  dim: integer,
  snapshots: list(snapshotInfo),
  shadow: orNull(ShadowReport),
  change: orNull(SnapshotChange, {
    description: "what was asked last, null where nothing was since the server's start",
  }),
})
export type ModelSnapshots = Message<typeof ModelSnapshots>

export const PromoteRequest = object({ snapshot: Type.Integer({ minimum: 0, 'x-give': 'its number' }) })

/** What is served now. */
export const ServedSnapshot = object({ model: text, snapshot: integer })
export type ServedSnapshot = Message<typeof ServedSnapshot>

/** Of a change that takes longer than its request. */
export const LoadingSnapshot = object({ model: text, change: SnapshotChange })
export type LoadingSnapshot = Message<typeof LoadingSnapshot>

const embeddingLayout = object(
  {
    learnt: Type.Integer({
      description: 'the first so many are what the tower makes of statistics, categories and events',
    }),
    width: Type.Integer({ description: "numbers of an item's vector, coefficients of a head" }),
    heads: list(
      object({
        coefficients: Type.Integer({ description: 'number of the first of `width`' }),
        intercept: Type.Integer({ description: 'its number' }),
      }),
    ),
  },
  { description: 'which numbers of an embedding are what; counted from 0' },
)

const ofItems = {
  model: text,
  snapshot: Type.Integer({ description: 'whose item vectors they are' }),
  frame: Type.Integer({ description: 'its alignment frame: they go with the embeddings of all its snapshots' }),
  servedSnapshot: Type.Integer({ description: 'that refreshes go through' }),
  servedFrame: integer,
  layout: embeddingLayout,
}

/** `POST /v1/models/{model}/items` */
export const ItemsRequest = object({
  items: list(key, { 'x-limit': 'maxItems' }),
  snapshot: optional(Type.Integer({ minimum: 0, 'x-give': 'its number' }), { description: 'default: that is served' }),
  encoding: optional(encoding, { default: 'f32' }),
})

/** Rows in the order of the request's items. */
export const ItemsAnswer = object({
  ...ofItems,
  encoding,
  vectors: numbers<Float32Array>(number, 'vectors', '[N, width] flat'),
})

/** `GET /v1/models/{model}/items`: all vectors of a snapshot. */
export const ItemTable = object({
  ...ofItems,
  buckets: Type.Integer({ description: "rows; an item's is the bucket of its key" }),
  digest: Type.String({ description: "SHA-256 of the vectors' bytes as f32, in hexadecimal digits" }),
  vectors: numbers<Float32Array>(number, 'f32', '[buckets, width] flat'),
})
export type ItemTable = Message<typeof ItemTable>

export const Status = object({ status: Type.Enum(['ok', 'ready', 'degraded']), problem: Type.Optional(text) })

/** The body of every answer that is no success. */
export const ErrorAnswer = object({
  error: object({ code: Type.Enum(codes()), message: text, details: Type.Optional(Type.Unknown()) }),
})
export type ErrorAnswer = Message<typeof ErrorAnswer>

function codes() {
  return Object.keys(errorStatus) as (keyof typeof errorStatus)[]
}
