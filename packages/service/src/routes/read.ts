import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { messages } from '@headwater/client/schemas'
import { answerTypeOf, type Format, type MessageLimits, WireError } from '@headwater/client/wire'
import type { ReadOptions, ServedBatch } from '@headwater/pooling'
import type { FastifyInstance } from 'fastify'
import type { AdmissionControl, RouteRule } from '../admission/admission-control.ts'
import type { RequestContext } from '../admission/request-context.ts'
import { refusalOf } from '../failures/refusal.ts'
import { takeBody } from '../listener/raw-body.ts'
import { parseReadMessage, type ReadMessage, readLimits } from '../messages/read-message.ts'
import { spanOf } from '../observation/tracing.ts'
import type { Operation } from '../parts/operation.ts'
import { type ServerParts, tenantOf } from '../parts/server-parts.ts'
import type { AnswerMemory } from '../reads/answer-memory.ts'
import { writeJsonAnswer } from '../reads/json-answer.ts'
import { packAnswer } from '../reads/packed-answer.ts'
import { SpareBatches } from '../reads/spare-batches.ts'
import { answerFormat, bodyFormat, parseBody } from '../requests/body.ts'
import { deadlines, type Waiting } from '../requests/deadline.ts'
import { requestName } from '../requests/request-name.ts'

export const readPath = '/v1/embeddings/read'
const rule: RouteRule = { scope: 'read', counted: true }
const operation: Operation = {
  id: 'readEmbeddings',
  summary: 'Pooled embeddings of users, for several models in one call.',
  body: messages.ReadRequest,
  answer: messages.ReadAnswer,
  errors: ['invalid_key', 'unknown_model', 'store_unavailable'],
}

interface ReadParts extends Pick<ServerParts, 'tenants' | 'models' | 'limits' | 'refreshes'> {
  readonly admission: AdmissionControl
  /** Notes what a request failed with, and says how to answer it. */
  readonly failed: (error: unknown, context: RequestContext) => WireError
}

/** `POST /v1/embeddings/read`, which is answered without Fastify (docs/decisions/0010). */
export function readRoute(parts: ReadParts): RequestListener {
  const shared: Shared = {
    ...parts,
    bodyLimits: readLimits(parts.limits),
    dims: new Map(parts.models.map(({ name, dim }) => [name, dim])),
    spares: new Map([...parts.tenants.keys()].map((tenant) => [tenant, new SpareBatches()])),
  }
  return (request, response) =>
    parts.admission.begin(
      request,
      response,
      readPath,
      (context) => new Read(shared, request, response, context).run(),
      rule,
    )
}

/** Its place among Fastify's routes, for what does not come by the shortcut past its router: with a query, or injected. */
export function registerRead(server: FastifyInstance, { answerRead }: ServerParts): void {
  server.post(readPath, { config: { scope: rule.scope, listener: answerRead, operation } }, () => {})
}

interface Shared extends ReadParts {
  readonly bodyLimits: MessageLimits
  readonly dims: ReadonlyMap<string, number>
  /** By tenant. */
  readonly spares: ReadonlyMap<string, SpareBatches>
}

class Read implements Waiting {
  before: Waiting | null = null
  after: Waiting | null = null
  readonly fate = 'send it again, or give it longer'
  readonly #parts: Shared
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #context: RequestContext
  #answerMemory: AnswerMemory | null = null

  constructor(parts: Shared, request: IncomingMessage, response: ServerResponse, context: RequestContext) {
    this.#parts = parts
    this.#request = request
    this.#response = response
    this.#context = context
  }

  get endMs(): number {
    return this.#context.endMs
  }

  /** Refuses it, unless it has been answered: a read may end after its deadline. */
  late(error: unknown): void {
    deadlines.delete(this)
    if (!this.#response.headersSent) this.#refuse(error)
  }

  run(): void {
    try {
      this.#parts.admission.admit(this.#context, this.#request, rule)
      const format = bodyFormat(this.#request)
      takeBody(this.#request, this.#parts.limits.maxBodyBytes, (error, body) => {
        if (error === null) this.#read(body, format)
        else this.#refuse(error)
      })
    } catch (error) {
      this.#refuse(error)
    }
  }

  #read(body: Uint8Array, format: Format): void {
    try {
      this.#parts.admission.work(this.#context)
      const { limits, tenants } = this.#parts
      const message = parseReadMessage(parseBody(body, format, this.#parts.bodyLimits), limits)
      const answered = answerFormat(this.#request)
      this.#checkSize(message)
      const { pooling, reads } = tenantOf(tenants, this.#context)
      if (pooling.refreshesOnRead) this.#offered(message)
      const startMs = performance.now()
      deadlines.add(this, startMs)
      pooling.read(message.users, message.models, this.#options(message, startMs)).then(
        (served) => {
          try {
            reads.ended(performance.now() - startMs, served)
            this.#answer(served, message, answered)
          } catch (error) {
            this.late(error)
          }
        },
        (error) => this.late(error),
      )
    } catch (error) {
      this.#refuse(error)
    }
  }

  /** The refreshes that it offers are linked to its span. */
  #offered({ users }: ReadMessage): void {
    this.#parts.refreshes?.offeredBy(this.#context.principal!.tenant, users, spanOf(this.#request))
  }

  /** Gives the read's memory back, once its answer has gone and all observers were called. */
  left(): void {
    const { served } = this.#context
    if (served !== null) this.#spares.giveBatch(served)
    if (this.#answerMemory !== null) this.#spares.giveAnswer(this.#answerMemory)
  }

  /** Of the tenant: nobody's memory comes to another's read. */
  get #spares(): SpareBatches {
    return this.#parts.spares.get(this.#context.principal!.tenant)!
  }

  #options(message: ReadMessage, nowMs: number): ReadOptions {
    const { latest, segments, encoding } = message
    const { endMs, hasDeadline } = this.#context
    const halves = encoding === 'f16'
    // All members each time: an object that is spread together took longer than all else here.
    return {
      latest,
      halves,
      into: this.#spares.takeBatch(message, halves),
      segments: segments ?? undefined,
      request: requestName(this.#request.headers) ?? undefined,
      deadlineMs: hasDeadline ? computingShare * (endMs - nowMs) : undefined,
    }
  }

  /** @throws WireError `batch_too_large` */
  #checkSize({ users, models }: ReadMessage): void {
    let dim = 0
    for (const model of models) dim += this.#parts.dims.get(model) ?? 0
    const values = users.length * dim
    if (values <= this.#parts.limits.maxVectorValues) return
    const problem = `the answer would hold ${values} values, over the limit of ${this.#parts.limits.maxVectorValues}`
    throw new WireError('batch_too_large', `${problem}; ask for fewer users or models in a call`)
  }

  #answer(served: ServedBatch, message: ReadMessage, format: Format): void {
    deadlines.delete(this)
    this.#context.served = served
    this.#context.onLeft = this
    if (this.#response.headersSent || this.#response.destroyed) return
    this.#answerMemory = this.#spares.takeAnswer()
    const write = format === 'json' ? writeJsonAnswer : packAnswer
    const body = write(served, message, this.#answerMemory)
    this.#response.writeHead(200, ['content-type', answerTypeOf[format], 'content-length', String(body.length)])
    this.#response.end(body)
  }

  #refuse(error: unknown): void {
    const wire = this.#parts.failed(error, this.#context)
    if (this.#response.destroyed) return
    const { headers, body } = refusalOf(wire, this.#request.headers)
    this.#response.writeHead(wire.status, { ...headers, 'content-length': body.length })
    this.#response.end(body)
  }
}

/** Part of the time left that a synchronous read may compute for; the rest is for the store's answer and the way back. */
const computingShare = 0.8
