/** The answer of `POST /v1/embeddings/read`. U users, M models, D = dim of a model. */
import { halvesToFloats } from '@headwater/binary16'
import { arrayAt } from '../codec/binary.ts'
import { fieldOf, invalid, kindOf, listAt, objectAt } from '../codec/shape.ts'
import { WireError } from '../codec/wire-error.ts'
import type { Message } from '../schemas/building.ts'
import type { ModelAnswer } from '../schemas/messages.ts'

/** One model's part of an answer, rows in the order of the request's users; see the schema. */
export interface AnsweredModel extends Omit<Message<typeof ModelAnswer>, 'encoding' | 'latest'> {
  /** [U, D] the newest embedding, null where it was not asked for. */
  readonly latest: Float32Array | null
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
