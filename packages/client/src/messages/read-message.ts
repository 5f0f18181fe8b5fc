/** The messages of `POST /v1/embeddings/read`. U users, M models, D = dim of a model. */

import { halvesToFloats } from '@headwater/binary16'
import { arrayAt } from '../codec/binary.ts'
import { type MessageLimits, maxDepth } from '../codec/message-limits.ts'
import { fieldOf, invalid, keysAt, kindOf, listAt, objectAt, show, textsAt } from '../codec/shape.ts'
import { WireError } from '../codec/wire-error.ts'

/** How an answer's vectors are written: 4 or 2 bytes a value. */
export type VectorEncoding = 'f32' | 'f16'

export interface ReadMessage {
  /** [U] */
  readonly users: readonly string[]
  /** [M] */
  readonly models: readonly string[]
  /** Default `f32`. */
  readonly encoding: VectorEncoding
  /** Whether the newest embedding is wanted beside the pooled one. Default: not. */
  readonly latest: boolean
  /** [U] segments by which users of whom nothing is held get their default, null where unknown. Default: all unknown. */
  readonly segments: readonly (string | null)[] | null
}

export interface BatchLimits {
  readonly maxUsers: number
  readonly maxModels: number
  /** U · M · D of an answer. */
  readonly maxVectorValues: number
}

/** Values of an honest request: its lists, and some for the fields. */
export function readLimits({ maxUsers, maxModels }: BatchLimits): MessageLimits {
  return { maxDepth, maxValues: 2 * maxUsers + maxModels + 32 }
}

const readFields = ['users', 'models', 'encoding', 'latest', 'segments']

/** @throws WireError `invalid_request`, `invalid_key`, `batch_too_large` */
export function parseReadMessage(body: unknown, limits: BatchLimits): ReadMessage {
  const object = objectAt(body, 'the body', readFields)
  const users = keysAt(fieldOf(object, 'users'), 'users', limits.maxUsers)
  const models = listAt(fieldOf(object, 'models'), 'models', limits.maxModels)
  for (let m = 0; m < models.length; m++) {
    const model = models[m]
    if (typeof model !== 'string') throw invalid(`models[${m}]`, `is ${kindOf(model)}; give a model's name`)
    if (models.indexOf(model) !== m) throw invalid(`models[${m}]`, `is ${show(model)} again; name each model once`)
  }
  const encoding = fieldOf(object, 'encoding') ?? 'f32'
  if (encoding !== 'f32' && encoding !== 'f16') throw invalid('encoding', 'is neither "f32" nor "f16"')
  const latest = fieldOf(object, 'latest') ?? false
  if (typeof latest !== 'boolean') throw invalid('latest', `is ${kindOf(latest)}; give true or false`)
  const segments = textsAt(fieldOf(object, 'segments'), 'segments', users.length, 'a user')
  return { users, models: models as readonly string[], encoding, latest, segments }
}

/** One model's part of an answer, rows in the order of the request's users. */
export interface AnsweredModel {
  readonly model: string
  readonly dim: number
  /** [U, D] average of the newest embeddings of one frame. */
  readonly vectors: Float32Array
  /** [U, D] the newest embedding, null where it was not asked for. */
  readonly latest: Float32Array | null
  /** [U] 0 fresh, 1 stale, 2 default: nothing is held, and the model's default vector was served. */
  readonly status: Uint8Array
  /** [U] of the newest embedding; 0 where the default is served. */
  readonly snapshot: Uint32Array
  readonly frame: Uint32Array
  /** [U] time as of which its features were read, milliseconds since 1970. */
  readonly featureTimeMs: Float64Array
  /** [U] time served minus feature time; NaN where the default is served. */
  readonly ageMs: Float64Array
}

export interface ReadAnswer {
  readonly servedMs: number
  /** [M] */
  readonly models: readonly AnsweredModel[]
}

/** Reads a MessagePack answer. @throws WireError where it is not one to a request of `users` rows */
export function parseReadAnswer(body: unknown, users: number): ReadAnswer {
  const answer = objectAt(body, 'the answer', ['servedMs', 'models'])
  const servedMs = fieldOf(answer, 'servedMs')
  if (typeof servedMs !== 'number') throw invalid('servedMs', `is ${kindOf(servedMs)}`)
  const models = listAt(fieldOf(answer, 'models'), 'models', Number.POSITIVE_INFINITY)
  return { servedMs, models: models.map((each, m) => parseModel(each, `models[${m}]`, users)) }
}

const modelFields = [
  'model',
  'dim',
  'encoding',
  'vectors',
  'latest',
  'status',
  'snapshot',
  'frame',
  'featureTimeMs',
  'ageMs',
]

function parseModel(value: unknown, where: string, users: number): AnsweredModel {
  const object = objectAt(value, where, modelFields)
  const at = (name: string) => fieldOf(object, name)
  const model = at('model')
  const dim = at('dim')
  if (typeof model !== 'string') throw invalid(`${where}.model`, `is ${kindOf(model)}`)
  if (typeof dim !== 'number' || !Number.isInteger(dim) || dim < 1) throw invalid(`${where}.dim`, 'is no dimension')
  const vectorsAt = (name: string): Float32Array => {
    const place = `${where}.${name}`
    if (at('encoding') === 'f32') return arrayAt(at(name), place, Float32Array, users * dim)
    if (at('encoding') === 'f16') return halvesToFloats(arrayAt(at(name), place, Uint16Array, users * dim))
    throw new WireError('invalid_request', `${where}.encoding is neither "f32" nor "f16"`)
  }
  return {
    model,
    dim,
    vectors: vectorsAt('vectors'),
    latest: at('latest') === undefined || at('latest') === null ? null : vectorsAt('latest'),
    status: arrayAt(at('status'), `${where}.status`, Uint8Array, users),
    snapshot: arrayAt(at('snapshot'), `${where}.snapshot`, Uint32Array, users),
    frame: arrayAt(at('frame'), `${where}.frame`, Uint32Array, users),
    featureTimeMs: arrayAt(at('featureTimeMs'), `${where}.featureTimeMs`, Float64Array, users),
    ageMs: arrayAt(at('ageMs'), `${where}.ageMs`, Float64Array, users),
  }
}
