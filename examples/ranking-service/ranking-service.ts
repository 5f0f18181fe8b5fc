/** The routes of the ranker: what to show a reader, and what the reader did. */
import { randomUUID } from 'node:crypto'
import type { FieldValue, LogEvent, Schema } from '@headwater/features'
import { type Pooling, servedStatus } from '@headwater/pooling'
import type { EmbeddingStore } from '@headwater/store'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Article, Ranker } from './ranker.ts'

export interface RankingOptions {
  readonly model: string
  readonly dim: number
  readonly schema: Schema
  readonly store: EmbeddingStore
  readonly pooling: Pooling
}

interface RankBody {
  readonly reader: string
  readonly device: string
  readonly articles: readonly Article[]
}

interface FeedbackBody {
  readonly request: string
  /** Seconds by article that was opened. */
  readonly opened: Readonly<Record<string, number>>
}

const text = { type: 'string', minLength: 1, maxLength: 100 } as const
const article = {
  type: 'object',
  required: ['id', 'topics', 'words'],
  properties: { id: text, topics: { type: 'array', items: text, maxItems: 2 }, words: { type: 'number', minimum: 0 } },
} as const
const rankBody = {
  type: 'object',
  required: ['reader', 'device', 'articles'],
  properties: { reader: text, device: text, articles: { type: 'array', minItems: 1, maxItems: 500, items: article } },
} as const
const feedbackBody = {
  type: 'object',
  required: ['request', 'opened'],
  properties: { request: text, opened: { type: 'object', additionalProperties: { type: 'number', minimum: 0 } } },
} as const

/** Rankings whose outcome may still come. */
const maxOpen = 10_000

export function createRankingService({ model, dim, schema, store, pooling }: RankingOptions): FastifyInstance {
  const ranker = new Ranker(dim)
  // A downstream model must learn from the vectors that it was served, not from those of the day it learns.
  const open = new Map<string, RankBody & { readonly embedding: Float32Array }>()
  const server = Fastify()

  server.post<{ Body: RankBody }>('/rank', { schema: { body: rankBody } }, async ({ body }) => {
    // One look into the store of this process; no model is waited for.
    const [{ vectors, status, featureTimeMs }] = (await pooling.read([body.reader], [model])).models
    const embedding = vectors.slice()
    const request = randomUUID()
    open.set(request, { ...body, embedding })
    if (open.size > maxOpen) open.delete(open.keys().next().value!)
    const ranked = body.articles
      .map((each) => ({ id: each.id, probability: ranker.predict(embedding, each) }))
      .sort((a, b) => b.probability - a.probability)
    const isKnown = status[0] !== servedStatus.default
    return { request, ranked, embedding: { isKnown, featureTimeMs: isKnown ? featureTimeMs[0] : null } }
  })

  server.post<{ Body: FeedbackBody }>('/feedback', { schema: { body: feedbackBody } }, async ({ body }, reply) => {
    const shown = open.get(body.request)
    if (shown === undefined) return reply.code(404).send({ message: 'no such ranking, or its outcome is in' })
    const timeMs = Date.now()
    const events = shown.articles.map((each): LogEvent => {
      const seconds = body.opened[each.id] ?? null
      const { topics, words } = each
      const known = { topics, words, device: shown.device, opened: Number(seconds !== null), seconds: seconds ?? 0 }
      return {
        row: 0,
        id: `${body.request} ${each.id}`,
        user: shown.reader,
        item: each.id,
        timeMs,
        values: valuesOf(schema, known),
      }
    })
    // Changes what is known of the reader at once, and offers a refresh that is computed beside the requests.
    await pooling.ingest(events)
    await store.flushed()
    // Of two that tell of a ranking at once both may come here: their events have the same ids, and one of them is learnt from.
    if (open.delete(body.request))
      for (const each of shown.articles) ranker.learn(shown.embedding, each, body.opened[each.id] !== undefined)
    return { accepted: events.length }
  })
  return server
}

/** In the order of the schema's fields; null where nothing is known. */
function valuesOf({ fields }: Schema, known: Readonly<Record<string, FieldValue>>): readonly FieldValue[] {
  return fields.map(({ name }) => known[name] ?? null)
}
