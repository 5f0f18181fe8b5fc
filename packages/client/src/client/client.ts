import { errorStatus, WireError } from '../codec/wire-error.ts'
import type {
  EventsRequest,
  ItemTable,
  LoadingSnapshot,
  ModelInfo,
  ModelSnapshots,
  ModelsAnswer,
  OutcomesAnswer,
  OutcomesRequest,
  Receipt,
  ServedSnapshot,
  VectorEncoding,
  WireValue,
} from '../schemas/messages.ts'
import { BadRequestError, ConflictError, DeadlineError, errorOf, ProtocolError } from '../transport/errors.ts'
import type { Exchange } from '../transport/exchange.ts'
import { type Call, Transport } from '../transport/transport.ts'
import { areKnownAgain, newEventIds } from './event-ids.ts'
import { type AnsweredItems, parseItems, parseItemTable } from './item-answers.ts'
import { parseReadAnswer, type ReadAnswer } from './read-answer.ts'
import { ReadBatcher, type WantedRead } from './read-batcher.ts'

export interface ClientOptions {
  /** Of the server, say `http://127.0.0.1:8080`. */
  readonly url: string
  /** Bearer token; none where the server takes none. */
  readonly token?: string
  /** How vectors travel: exactly, or at half the bytes. Default `f16`, which is what the store holds of one embedding. */
  readonly encoding?: VectorEncoding
  /** Of calls that name none, all tries included. Default 1,000. */
  readonly deadlineMs?: number
  /** Users of one call; at most what the server takes. Default 1,000. */
  readonly maxUsers?: number
  /** Carries the calls. Default: in Node its own HTTP, elsewhere the global `fetch`. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  /** Of the call, all tries included. */
  readonly deadlineMs?: number
}

export interface ReadOptions extends CallOptions {
  /** Whether the newest embedding is wanted beside the pooled one. */
  readonly latest?: boolean
  /** An entry a user: the segment whose default vector is served where nothing is held of the user, or null. */
  readonly segments?: readonly (string | null)[]
  /** Name of the request that is answered with it, 1 to 512 characters of ASCII: the served log's, as outcomes name it. */
  readonly request?: string
}

export interface ItemsOptions extends CallOptions {
  /** Whose vectors they are. Default: that is served. */
  readonly snapshot?: number
}

export interface FeaturesOptions extends CallOptions {
  /** Since when the values hold, milliseconds since 1970. Default: the server's now. */
  readonly timeMs?: number
}

/**
 * A service's client, for Node and browsers. Reads of one tick of the same models travel as one call. Whatever may be done
 * twice is tried again, within a budget, where the server is overloaded or away.
 */
export class Client {
  readonly #transport: Transport
  readonly #batcher: ReadBatcher
  readonly #deadlineMs: number
  readonly #encoding: VectorEncoding

  /** Use `createClient`. */
  constructor(options: ClientOptions, exchange: Exchange) {
    const { url, token, encoding = 'f16', maxUsers = 1_000, deadlineMs = 1_000 } = options
    this.#deadlineMs = deadlineMs
    this.#encoding = encoding
    this.#transport = new Transport(url, token, exchange)
    this.#batcher = new ReadBatcher((read) => this.#send(read, encoding), maxUsers)
  }

  /**
   * Embeddings of users, rows in the order of `users`. Arrays of reads that travelled together are parts of shared memory.
   *
   * @throws ClientError
   */
  async read(users: readonly string[], models: readonly string[], options: ReadOptions = {}): Promise<ReadAnswer> {
    const { deadlineMs = this.#deadlineMs, latest = false, segments = null, request = null } = options
    if (request !== null && !/^[\x21-\x7e]([\x20-\x7e]{0,510}[\x21-\x7e])?$/.test(request))
      throw new BadRequestError('request is no name; give 1 to 512 characters of ASCII')
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DeadlineError(`the deadline of ${deadlineMs} ms has passed`)), deadlineMs)
    })
    try {
      return await Promise.race([this.#batcher.read({ users, models, segments, latest, request, deadlineMs }), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Ingests events, all or none; resolves once they are durable. Those without an id are given one: by their ids the service
   * knows events again, so that a second try changes nothing. Only a call with more than 64 events of one user, as many ids
   * as it remembers, is tried once.
   *
   * @throws ClientError
   */
  async ingest(events: EventsRequest, options: CallOptions = {}): Promise<void> {
    const { users, timesMs } = events
    const made = newEventIds(users.length)
    const ids = events.ids?.map((id, i) => id ?? made[i]) ?? made
    const body = { ...events, timesMs: Array.from(timesMs), ids }
    await this.#call({ method: 'POST', path: '/v1/events', body, idempotent: areKnownAgain(users) }, options)
  }

  /**
   * Sets fields that describe a user; resolves once they are durable.
   *
   * @param values by field of the schema
   * @throws ClientError
   */
  async putFeatures(
    user: string,
    values: Readonly<Record<string, WireValue>>,
    { timeMs, ...options }: FeaturesOptions = {},
  ): Promise<void> {
    const body = { values, ...(timeMs !== undefined && { timeMs }) }
    await this.#call({ method: 'PUT', path: `${userPath(user)}/features`, body }, options)
  }

  /** Tells what came of predictions; resolves once they are durable. Of one request the first counts. @throws ClientError */
  async outcomes(outcomes: OutcomesRequest, options: CallOptions = {}): Promise<OutcomesAnswer> {
    const list = (column: ArrayLike<number>) => Array.from(column)
    const { predictions, labels, timesMs } = outcomes
    const body = { ...outcomes, predictions: list(predictions), labels: list(labels), timesMs: list(timesMs) }
    return this.#call({ method: 'POST', path: '/v1/outcomes', body }, options)
  }

  /** Forgets a user. @throws ClientError; for `forget_incomplete` its `details` are the receipt */
  async forget(user: string, options: CallOptions = {}): Promise<Receipt> {
    return this.#call({ method: 'DELETE', path: userPath(user) }, options)
  }

  /** Models and the snapshots that refreshes go through. @throws ClientError */
  async models(options: CallOptions = {}): Promise<readonly ModelInfo[]> {
    return (await this.#call<ModelsAnswer>({ method: 'GET', path: '/v1/models' }, options)).models
  }

  /** A model's snapshots. @throws ClientError */
  async snapshots(model: string, options: CallOptions = {}): Promise<ModelSnapshots> {
    return this.#call({ method: 'GET', path: modelPath(model) }, options)
  }

  /**
   * Vectors of items by their keys, rows in the order of `items`, for the coefficients in embeddings of the answer's frame.
   *
   * @throws ClientError; `no_item_vectors` where the model has none
   */
  async items(
    model: string,
    items: readonly string[],
    { snapshot, ...options }: ItemsOptions = {},
  ): Promise<AnsweredItems> {
    const body = { items, encoding: this.#encoding, ...(snapshot !== undefined && { snapshot }) }
    const answer = await this.#call({ method: 'POST', path: `${modelPath(model)}/items`, body }, options)
    return fitting(() => parseItems(answer, items.length))
  }

  /**
   * All item vectors of a snapshot, to be kept and read by `ItemVectors` of `@headwater/snapshot`.
   *
   * @throws ClientError, as `items`
   */
  async itemTable(model: string, { snapshot, ...options }: ItemsOptions = {}): Promise<ItemTable> {
    const path = `${modelPath(model)}/items${snapshot === undefined ? '' : `?snapshot=${snapshot}`}`
    const answer = await this.#call({ method: 'GET', path }, options)
    return fitting(() => parseItemTable(answer))
  }

  /**
   * Makes a snapshot the one that is served, and resolves once it is: loading it may take minutes.
   *
   * @param options the deadline's default is 300,000 here
   * @throws ClientError; the one before goes on then, unless it is a `DeadlineError`
   */
  promote(model: string, snapshot: number, options: CallOptions = {}): Promise<ServedSnapshot> {
    return this.#change(model, { path: 'promote', body: { snapshot } }, options)
  }

  /**
   * Serves the snapshot before again. Not tried again: a second time goes back further.
   *
   * @param options as of `promote`
   * @throws ClientError, as `promote`
   */
  rollback(model: string, options: CallOptions = {}): Promise<ServedSnapshot> {
    return this.#change(model, { path: 'rollback', body: {}, idempotent: false }, options)
  }

  /** Waits for a change of a model's snapshot, longer than its request lasts. */
  async #change(
    model: string,
    { path, ...call }: Pick<ClientCall, 'path' | 'body' | 'idempotent'>,
    { deadlineMs = changeDeadlineMs }: CallOptions,
  ): Promise<ServedSnapshot> {
    const endMs = performance.now() + deadlineMs
    const asked = { ...call, method: 'POST', path: `${modelPath(model)}/${path}` } as const
    const answer = await this.#call<ServedSnapshot | LoadingSnapshot>(asked, { deadlineMs })
    if (!('change' in answer)) return answer
    const { snapshot } = answer.change
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, pollMs))
      const { change } = await this.snapshots(model, { deadlineMs: endMs - performance.now() })
      if (change === null || (snapshot !== null && change.snapshot !== snapshot))
        throw new ConflictError(
          `the server was asked for another snapshot of "${model}" meanwhile, or was started again`,
        )
      if (change.state === 'served') return { model, snapshot: change.snapshot }
      if (change.state === 'refused')
        throw errorOf(change.error.message, { ...change.error, status: errorStatus[change.error.code] })
    }
  }

  #call<Answer>(call: ClientCall, { deadlineMs = this.#deadlineMs }: CallOptions): Promise<Answer> {
    return this.#transport.call({ idempotent: true, ...call, deadlineMs }) as Promise<Answer>
  }

  async #send({ users, models, segments, latest, request, deadlineMs }: WantedRead, encoding: VectorEncoding) {
    const body = { users, models, encoding, latest, ...(segments !== null && { segments }) }
    const answer = await this.#call({ method: 'POST', path: '/v1/embeddings/read', body, request }, { deadlineMs })
    return fitting(() => parseReadAnswer(answer, users.length))
  }
}

/** @throws ProtocolError where the answer is none to what was asked */
function fitting<Answer>(parse: () => Answer): Answer {
  try {
    return parse()
  } catch (cause) {
    if (cause instanceof WireError) throw new ProtocolError(`the answer does not fit: ${cause.message}`, { cause })
    throw cause
  }
}

/** Default: it may be tried again. */
type ClientCall = Omit<Call, 'deadlineMs' | 'idempotent'> & Partial<Pick<Call, 'idempotent'>>

/** Of a change of the snapshot that is served. */
const changeDeadlineMs = 300_000
/** Between two looks at what became of it. */
const pollMs = 250

function userPath(user: string): string {
  return `/v1/users/${encodeURIComponent(user)}`
}

function modelPath(model: string): string {
  return `/v1/models/${encodeURIComponent(model)}`
}
