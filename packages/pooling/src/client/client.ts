import type { EventsMessage } from '../wire/events-message.ts'
import type { ModelsAnswer, ReceiptAnswer, ServedModelInfo } from '../wire/models-message.ts'
import { parseReadAnswer, type ReadAnswer, type VectorEncoding } from '../wire/read-message.ts'
import { WireError } from '../wire/wire-error.ts'
import { DeadlineError, ProtocolError } from './errors.ts'
import { ReadBatcher, type WantedRead } from './read-batcher.ts'
import { Transport } from './transport.ts'

export interface ClientOptions {
  /** Of the server, say `http://127.0.0.1:8080`. */
  readonly url: string
  /** Bearer token; none where the server takes none. */
  readonly token?: string
  /** How vectors travel: exactly, or at half the bytes. Default `f16`, which is what the store holds of one embedding. */
  readonly encoding?: VectorEncoding
  /** Of calls that name none. Default 1,000. */
  readonly deadlineMs?: number
  /** Users of one call; at most what the server takes. Default 1,000. */
  readonly maxUsers?: number
  /** Default: the global one. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  readonly deadlineMs?: number
}

export interface ReadOptions extends CallOptions {
  /** Whether the newest embedding is wanted beside the pooled one. */
  readonly latest?: boolean
}

/**
 * A service's client, for Node and browsers. Reads of one tick of the same models travel as one call, and are tried again,
 * within a budget, where the server is overloaded or away; writes never are.
 */
export class Client {
  readonly #transport: Transport
  readonly #batcher: ReadBatcher
  readonly #deadlineMs: number

  /** Use `createClient`. */
  constructor(options: ClientOptions) {
    const { token, encoding = 'f16', maxUsers = 1_000 } = options
    this.#deadlineMs = options.deadlineMs ?? 1_000
    const url = options.url.replace(/\/+$/, '')
    // Called on its own: browsers refuse a fetch that is some object's method.
    const ask = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args))
    this.#transport = new Transport({ url, token, fetch: ask })
    this.#batcher = new ReadBatcher((read) => this.#send(read, encoding), maxUsers)
  }

  /**
   * Embeddings of users, rows in the order of `users`. Arrays of reads that travelled together are parts of shared memory.
   *
   * @throws ClientError
   */
  async read(users: readonly string[], models: readonly string[], options: ReadOptions = {}): Promise<ReadAnswer> {
    const { deadlineMs = this.#deadlineMs, latest = false } = options
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DeadlineError(`the deadline of ${deadlineMs} ms has passed`)), deadlineMs)
    })
    try {
      return await Promise.race([this.#batcher.read({ users, models, latest, deadlineMs }), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Ingests events, all or none; resolves once they are durable. Not tried again: the server does not know an event twice.
   *
   * @throws ClientError
   */
  async ingest(events: EventsMessage, { deadlineMs = this.#deadlineMs }: CallOptions = {}): Promise<void> {
    const timesMs = Array.from(events.timesMs)
    const body = { ...events, timesMs }
    await this.#transport.call({ method: 'POST', path: '/v1/events', body, deadlineMs, idempotent: false })
  }

  /** Forgets a user. @throws ClientError; for `forget_incomplete` its `details` are the receipt */
  async forget(user: string, { deadlineMs = this.#deadlineMs }: CallOptions = {}): Promise<ReceiptAnswer> {
    const path = `/v1/users/${encodeURIComponent(user)}`
    return (await this.#transport.call({ method: 'DELETE', path, deadlineMs, idempotent: false })) as ReceiptAnswer
  }

  /** Models and the snapshots that refreshes go through. @throws ClientError */
  async models({ deadlineMs = this.#deadlineMs }: CallOptions = {}): Promise<readonly ServedModelInfo[]> {
    const call = { method: 'GET', path: '/v1/models', deadlineMs, idempotent: true } as const
    return ((await this.#transport.call(call)) as ModelsAnswer).models
  }

  async #send({ users, models, latest, deadlineMs }: WantedRead, encoding: VectorEncoding): Promise<ReadAnswer> {
    const body = { users, models, encoding, latest }
    const path = '/v1/embeddings/read'
    const answer = await this.#transport.call({ method: 'POST', path, body, deadlineMs, idempotent: true })
    try {
      return parseReadAnswer(answer, users.length)
    } catch (cause) {
      if (cause instanceof WireError) throw new ProtocolError(`the answer does not fit: ${cause.message}`, { cause })
      throw cause
    }
  }
}

/** A client of the service at a URL; it holds no connection until it is used, and needs no closing. */
export function createClient(options: ClientOptions): Client {
  return new Client(options)
}
