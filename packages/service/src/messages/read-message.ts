/** The request of `POST /v1/embeddings/read`, read by hand: most requests are reads. A test holds it to the schema. */
import type { VectorEncoding } from '@headwater/client'
import {
  fieldOf,
  invalid,
  keyProblem,
  kindOf,
  listAt,
  type MessageLimits,
  maxDepth,
  objectAt,
  show,
} from '@headwater/client/wire'
import type { ServerLimits } from '../requests/limits.ts'
import { keyError } from './keys.ts'

export interface ReadMessage {
  /** [U] */
  readonly users: readonly string[]
  /** [M] */
  readonly models: readonly string[]
  readonly encoding: VectorEncoding
  readonly latest: boolean
  /** [U], or null: no user has one. */
  readonly segments: readonly (string | null)[] | null
}

type ReadLimits = Pick<ServerLimits, 'maxUsers' | 'maxModels'>

/** Values of an honest request: its lists, and some for the fields. */
export function readLimits({ maxUsers, maxModels }: ReadLimits): MessageLimits {
  return { maxDepth, maxValues: 2 * maxUsers + maxModels + 32 }
}

const fields = ['users', 'models', 'encoding', 'latest', 'segments']

/** @throws WireError `invalid_request`, `invalid_key`, `batch_too_large` */
export function parseReadMessage(body: unknown, limits: ReadLimits): ReadMessage {
  const object = objectAt(body, 'the body', fields)
  const users = listAt(fieldOf(object, 'users'), 'users', limits.maxUsers)
  for (let u = 0; u < users.length; u++) checkKeyAt(users[u], 'users', u)
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
  const segments = fieldOf(object, 'segments') ?? null
  return {
    users: users as readonly string[],
    models: models as readonly string[],
    encoding,
    latest,
    segments: segments === null ? null : segmentsOf(segments, users.length),
  }
}

function segmentsOf(value: unknown, users: number): readonly (string | null)[] {
  const segments = listAt(value, 'segments', Number.POSITIVE_INFINITY)
  if (segments.length !== users) {
    throw invalid('segments', `has ${segments.length} entries, users has ${users}; give one a user, or null`)
  }
  for (let u = 0; u < users; u++) if (segments[u] !== null) checkKeyAt(segments[u], 'segments', u)
  return segments as readonly (string | null)[]
}

function checkKeyAt(key: unknown, where: string, row: number): void {
  if (typeof key !== 'string' || keyProblem(key) !== null) throw keyError(key, `${where}[${row}]`)
}
