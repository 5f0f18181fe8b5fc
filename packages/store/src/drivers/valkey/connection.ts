import { Redis } from 'iovalkey'
import { joinRequests, type Reply, type Request } from './request.ts'
import type { Address, ValkeyOptions } from './valkey-url.ts'

/** How long a silent connection is kept before it is made anew. */
const silenceMs = 2_000
/** From one probe of a failing connection to the next, and how long one may take: it may have others' waits for copies before it. */
const probeMs = { pause: 50, most: 10_000 }

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
  /** Whether it carried writes for which fewer replicas or disks answered than were asked for. */
  unconfirmed = false
  /** Why it is down, as far as known. */
  problem: string | null = null
  readonly #redis: Redis
  readonly #startUntilMs: number
  /** Runs while an answer is overdue. */
  #silence: NodeJS.Timeout | null = null
  #failing = false
  #closed = false

  /** @param readOnly whether a replica may answer on it */
  constructor({ host, port }: Address, { username, password, ca, timeoutMs }: ValkeyOptions, readOnly: boolean) {
    const connectTimeout = Math.max(timeoutMs, 1_000)
    this.#startUntilMs = performance.now() + connectTimeout
    this.#redis = new Redis({
      host,
      port,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { tls: ca === null ? {} : { ca } }),
      connectTimeout,
      readOnly,
      keepAlive: 10_000,
      disconnectTimeout: 200,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // None is tried again, so that what a connection had under way fails when it ends.
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 10), 150),
    })
    // What iovalkey throws for a refused password holds the password: its message alone is kept.
    this.#redis.on('error', (error: Error) => {
      this.problem = error.message
    })
    this.#redis.on('close', () => {
      this.problem ??= 'the connection was closed'
      this.unconfirmed = false
      this.heard()
    })
    // A server that was stopped is connected to, as its kernel does that, and then says nothing.
    this.#redis.on('connect', () => {
      const late = setTimeout(() => {
        if (this.#redis.status === 'connect') this.#redis.disconnect(true)
      }, connectTimeout)
      late.unref()
    })
    this.#redis.on('ready', () => {
      this.problem = null
    })
  }

  /** Whether a request has a good chance of an answer. */
  get usable(): boolean {
    return this.#redis.status === 'ready' && this.#silence === null
  }

  /** Whether it is being made for the first time, and did not fail so far. */
  get starting(): boolean {
    return this.problem === null && this.#redis.status !== 'ready' && performance.now() < this.#startUntilMs
  }

  /** Whether requests can be sent on it now. */
  get up(): boolean {
    return this.#redis.status === 'ready'
  }

  /** Whether requests have waited for it in vain, and no probe has gone well since. */
  get failing(): boolean {
    return this.#failing
  }

  /** Whether it does so all the while. */
  async failsStill(forMs: number): Promise<boolean> {
    const endMs = performance.now() + forMs
    while (this.#failing && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10))
    return this.#failing
  }

  /** Notes that requests have waited in vain. It is probed until that goes well. */
  fail(probe: Request, isWell: (reply: Reply) => boolean): void {
    if (this.#failing) return
    this.#failing = true
    void this.#probe(probe, isWell)
  }

  /**
   * Sends requests in one piece; the receiver gets the reply of each place once, never before this returns.
   *
   * @returns false where the connection is down: nothing was sent
   */
  send(requests: readonly Request[], receiver: Receiver): boolean {
    const redis = this.#redis as unknown as Sender
    if (redis.status !== 'ready' || redis.stream?.writable !== true) return false
    const { stream } = redis
    const data = joinRequests(requests)
    const pipeline: PipelineStream = {
      isPipeline: true,
      destination: { redis },
      write: (chunk) => chunk === data && stream.write(chunk),
    }
    for (let place = 0; place < requests.length; place++) {
      redis.sendCommand(new AwaitedReply(this, receiver, place, place === 0 ? data : ''), pipeline)
    }
    return true
  }

  /** Replies to requests; an error or no reply within the time is null. */
  ask(requests: readonly Request[], timeoutMs: number): Promise<(Reply | null)[]> {
    return new Promise((resolve) => {
      const replies = new Array<Reply | null>(requests.length).fill(null)
      let open = requests.length
      const timer = setTimeout(() => {
        this.markSilent()
        resolve(replies)
      }, timeoutMs)
      const settle = (place: number, reply: Reply) => {
        replies[place] = reply
        if (--open === 0) finish()
      }
      const finish = () => {
        clearTimeout(timer)
        resolve(replies)
      }
      const missing = (place: number) => settle(place, null)
      if (!this.send(requests, { reply: settle, refuse: missing, lose: missing })) finish()
    })
  }

  /** Notes that an answer is overdue. */
  markSilent(): void {
    // A probe sees to one that is known to fail. Made anew, it would not know of which writes it lacks copies.
    if (!this.usable || this.#failing) return
    this.#silence = setTimeout(() => this.#redis.disconnect(true), silenceMs)
    this.#silence.unref()
  }

  /** Called for every reply. */
  heard(): void {
    if (this.#silence === null) return
    clearTimeout(this.#silence)
    this.#silence = null
  }

  close(): void {
    this.#closed = true
    this.heard()
    this.#redis.disconnect()
  }

  async #probe(probe: Request, isWell: (reply: Reply) => boolean): Promise<void> {
    while (!this.#closed) {
      const startMs = performance.now()
      const [reply] = await this.ask([probe], probeMs.most)
      if (reply !== null && isWell(reply)) break
      if (performance.now() - startMs >= probeMs.most) this.#redis.disconnect(true)
      await new Promise((resolve) => setTimeout(resolve, probeMs.pause).unref())
    }
    this.#failing = false
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
