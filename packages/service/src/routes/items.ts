/** Item vectors of a model's snapshots, which coefficients in its embeddings are multiplied by. */
import { encodeHalves } from '@headwater/binary16'
import type { ItemTable, VectorEncoding } from '@headwater/client'
import { messages, type ServedItems } from '@headwater/client/schemas'
import { bytesOf, type ErrorCode, invalid, maxDepth, WireError } from '@headwater/client/wire'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { checkKey } from '../messages/keys.ts'
import { checkOf } from '../messages/message-check.ts'
import { asking } from '../parts/operation.ts'
import { modelNamed, type ServerParts } from '../parts/server-parts.ts'
import { withJsonVectors } from '../reads/json-answer.ts'
import { answerFormat, bodyOf } from '../requests/body.ts'
import { byDeadline } from '../requests/deadline.ts'

interface OfModel {
  readonly Params: { readonly model: string }
  readonly Querystring: { readonly snapshot?: unknown }
}
interface OfItem extends OfModel {
  readonly Params: { readonly model: string; readonly item: string }
}

const checkItems = checkOf(messages.ItemsRequest)

const errors: readonly ErrorCode[] = [
  'unknown_model',
  'unknown_snapshot',
  'no_item_vectors',
  'snapshot_refused',
  'deadline_exceeded',
]
const numbers = { snapshot: 'number of the snapshot whose vectors they are; default: the one that is served' }

const one = asking('read', {
  id: 'readItem',
  summary: "An item's vector.",
  answer: messages.ItemsAnswer,
  errors: [...errors, 'invalid_key', 'not_acceptable'],
  numbers,
})
const some = asking('read', {
  id: 'readItems',
  summary: "Items' vectors.",
  body: messages.ItemsRequest,
  answer: messages.ItemsAnswer,
  errors: [...errors, 'invalid_key'],
})
const all = asking('read', {
  id: 'readItemTable',
  summary: 'The vectors of all items, a row a bucket of their keys.',
  answer: messages.ItemTable,
  errors: [...errors, 'not_acceptable', 'batch_too_large'],
  numbers,
})
const archive = asking('read', {
  id: 'readItemArchive',
  summary: 'The same as NumPy reads it.',
  answer: 'application/zip',
  errors,
  numbers,
})

/** `GET /v1/models/{m}/items/{i}`, `POST` and `GET /v1/models/{m}/items`, `GET /v1/models/{m}/items.npz` */
export function registerItems(server: FastifyInstance, { models, limits }: ServerParts): void {
  const open = ({ params, context }: FastifyRequest<OfModel>, snapshot: number | null) => {
    const { name, items } = modelNamed(models, params.model)
    return byDeadline(context.endMs, 'ask again', async () => {
      const found = await items?.open(snapshot)
      if (found) return found
      const whose = snapshot === null ? '' : `snapshot ${snapshot} of `
      throw new WireError('no_item_vectors', `${whose}model "${name}" has no item vectors here; it may have no memory`)
    })
  }
  const checkSize = (values: number, remedy: string) => {
    if (values <= limits.maxVectorValues) return
    const problem = `the answer would have ${values} values of vectors, over the limit of ${limits.maxVectorValues}`
    throw new WireError('batch_too_large', `${problem}; ${remedy}`)
  }
  const answerOf = (
    request: FastifyRequest<OfModel>,
    served: ServedItems,
    items: readonly string[],
    encoding: VectorEncoding,
  ) => {
    checkSize(items.length * served.layout.width, 'ask for fewer items')
    const vectors = served.read(items)
    return written(request, { ...about(request, served), encoding }, vectors, encoding)
  }

  server.get<OfItem>('/v1/models/:model/items/:item', one, async (request) => {
    const { item } = request.params
    checkKey(item, 'the item')
    return answerOf(request, await open(request, snapshotOf(request)), [item], 'f32')
  })

  server.post<OfModel>('/v1/models/:model/items', some, async (request) => {
    const body = bodyOf(request, { maxDepth, maxValues: limits.maxItems + 32 })
    const { items, snapshot, encoding } = checkItems(body, limits)
    return answerOf(request, await open(request, snapshot ?? null), items, encoding ?? 'f32')
  })

  server.get<OfModel>('/v1/models/:model/items', all, async (request) => {
    const served = await open(request, snapshotOf(request))
    const { buckets, digest, table } = served
    checkSize(table.length, 'ask for items.npz')
    return written(request, { ...about(request, served), buckets, digest }, table, 'f32')
  })

  server.get<OfModel>('/v1/models/:model/items.npz', archive, async (request, reply) => {
    const served = await open(request, snapshotOf(request))
    // Digests of vectors alone: those of another snapshot may be the same, and are told apart all the same.
    const etag = `"${served.snapshot}-${served.digest}"`
    reply.headers({ etag, 'cache-control': 'private, no-cache' })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('application/zip').send(served.archive())
  })
}

/** @throws WireError `invalid_request` */
function snapshotOf({ query: { snapshot } }: FastifyRequest<OfModel>): number | null {
  if (snapshot === undefined) return null
  if (typeof snapshot !== 'string' || !/^\d{1,10}$/.test(snapshot))
    throw invalid('snapshot', 'is no whole number; give its number')
  return Number(snapshot)
}

function about(
  { params: { model } }: FastifyRequest<OfModel>,
  served: ServedItems,
): Omit<ItemTable, 'buckets' | 'digest' | 'vectors'> {
  const { snapshot, frame, servedSnapshot, servedFrame, layout } = served
  return { model, snapshot, frame, servedSnapshot, servedFrame, layout }
}

/** A message with its vectors: in JSON a list, in MessagePack a binary. */
function written(request: FastifyRequest, message: object, vectors: Float32Array, encoding: VectorEncoding): object {
  if (answerFormat(request) === 'json') return withJsonVectors(message, vectors, encoding)
  if (encoding === 'f32') return { ...message, vectors: bytesOf(vectors) }
  const halves = new Uint8Array(2 * vectors.length)
  encodeHalves(vectors, 0, vectors.length, halves, 0)
  return { ...message, vectors: halves }
}
