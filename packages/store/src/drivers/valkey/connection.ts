import { Redis, type RedisOptions } from 'iovalkey'
import type { Reply } from './request.ts'

/** How long a silent connection is kept before it is made anew. */
const silenceMs = 2_000

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** PEM of the authorities; null for those of the system; undefined for a connection without TLS. */
  readonly ca: string | null | undefined
  readonly connectTimeoutMs: number
  /** Whether a replica may answer on it. */
  readonly readOnly: boolean
}

/** Takes the replies to requests. */
export interface Receiver {
  reply(place: number, reply: Reply): void
  /** The server's error, its code first. */
  refuse(place: number, message: string): void
  /** The connection ended first: it is not known whether the command was carried out. */
  lose(place: number): void
}

/**
 * A connection that is made again and again until it is closed, and the requests on it. Nothing is queued while it is
 * down: the caller decides what to do then.
 */
export class Connection {
  readonly #redis: Redis
  /** Whether it carried writes for which fewer replicas or disks answered than were asked for. */
  unconfirmed = false
  #silent = false
  #silenceTimer: NodeJS.Timeout | null = null
  readonly #startUntilMs: number
  #failed = false
  #problem: string | null = null

  constructor(options: ConnectionOptions) {
    const { host, port, username, password, ca, connectTimeoutMs, readOnly } = options
    const settings: RedisOptions = {
      host,
      port,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { tls: ca === null ? {} : { ca } }),
      connectTimeout: connectTimeoutMs,
      readOnly,
      keepAlive: 10_000,
      disconnectTimeout: 200,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // None is tried again, so that what a connection had under way fails when it ends.
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 10), 500),
    }
    this.#startUntilMs = performance.now() + connectTimeoutMs
    this.#redis = new Redis(settings)
    // What iovalkey throws for a refused password holds the password: its message alone is kept.
    this.#redis.on('error', (error: Error) => {
      this.#failed = true
      this.#problem = error.message
    })
    this.#redis.on('close', () => {
      this.#failed = true
      this.unconfirmed = false
      this.#answered()
    })
    this.#redis.on('ready', () => {
      this.#failed = false
      this.#problem = null
    })
  }

  /** Whether a request has a good chance of an answer. */
  get usable(): boolean {
    return this.#redis.status === 'ready' && !this.#silent
  }

  /** Whether it is being made for the first time, and did not fail so far. */
  get starting(): boolean {
    return !this.#failed && this.#redis.status !== 'ready' && performance.now() < this.#startUntilMs
  }

  /** Why it is down, as far as known. */
  get problem(): string | null {
    return this.#problem
  }

  /**
   * Sends requests, already in one piece; the receiver gets the reply of each place once, never before this returns.
   *
   * @returns false where the connection is down: nothing was sent
   */
  send(data: string | Buffer, count: number, receiver: Receiver): boolean {
    const redis = this.#redis as unknown as Sender
    if (redis.status !== 'ready' || redis.stream?.writable !== true) return false
    const { stream } = redis
    const pipeline: PipelineStream = {
      isPipeline: true,
      destination: { redis },
      write: (chunk) => chunk === data && stream.write(chunk),
    }
    for (let place = 0; place < count; place++) {
      redis.sendCommand(new AwaitedReply(this, receiver, place, place === 0 ? data : ''), pipeline)
    }
    return true
  }

  /** Notes that an answer is overdue. */
  markSilent(): void {
    if (this.#silent || this.#redis.status !== 'ready') return
    this.#silent = true
    this.#silenceTimer = setTimeout(() => this.#redis.disconnect(true), silenceMs)
    this.#silenceTimer.unref()
  }

  /** Called for every reply. */
  heard(): void {
    if (this.#silent) this.#answered()
  }

  close(): void {
    this.#answered()
    this.#redis.disconnect()
  }

  #answered(): void {
    this.#silent = false
    if (this.#silenceTimer !== null) clearTimeout(this.#silenceTimer)
    this.#silenceTimer = null
  }
}

/**
 * What iovalkey's `sendCommand` and its reader of replies use of a command. Its own `Command` makes two promises and
 * converts the reply each time, which costs more than the rest of a read.
 */
class AwaitedReply {
  readonly name = 'hmget'
  readonly args: readonly string[] = []
  readonly promise = undefined
  readonly #connection: Connection
  readonly #receiver: Receiver
  readonly #place: number
  readonly #data: string | Buffer

  constructor(connection: Connection, receiver: Receiver, place: number, data: string | Buffer) {
    this.#connection = connection
    this.#receiver = receiver
    this.#place = place
    this.#data = data
  }

  toWritable(): string | Buffer {
    return this.#data
  }

  resolve(reply: Reply): void {
    this.#connection.heard()
    this.#receiver.reply(this.#place, reply)
  }

  reject(error: Error): void {
    if (error.name === 'ReplyError') {
      this.#connection.heard()
      this.#receiver.refuse(this.#place, error.message)
    } else this.#receiver.lose(this.#place)
  }
}

interface PipelineStream {
  readonly isPipeline: true
  readonly destination: { readonly redis: Sender }
  write(chunk: string | Buffer): boolean
}

/** The part of iovalkey's `Redis` that its own pipelines use. */
interface Sender {
  readonly status: string
  readonly stream: { readonly writable: boolean; write(chunk: string | Buffer): boolean } | undefined
  sendCommand(command: AwaitedReply, stream: PipelineStream): unknown
}
