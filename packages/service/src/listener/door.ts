import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Figures } from '../figures/figures.ts'
import type { ServerLimits } from '../requests/limits.ts'

interface Connection {
  /** Over TLS, once it has shaken hands, the one that decrypts. */
  socket: Socket
  readonly address: string
  /** The last that began, until its response has closed: held for longer, those of all connections would outlive young memory. */
  request: IncomingMessage | null
  response: ServerResponse | null
}

/** Of one address; the rest is for others. */
const addressShare = 0.75
/** The last part of the drain's time, in which requests wait until nobody listens: by its end each caller may have one waiting. */
const mostHoldMs = 50
/** For a lull, where callers come without end. */
const mostLooks = 10

/** No answer is owed on it: nothing was asked, the answer is given, or the request has not come whole. */
const isIdle = ({ request, response }: Connection) => response === null || response.writableEnded || !request!.complete

/** Connections to listeners: which of them give way to newcomers, and how all of them end. */
export class Door {
  readonly #maxConnections: number
  readonly #maxPerAddress: number
  readonly #drainMs: number
  /** Those first whose last request lies the furthest back. */
  readonly #connections = new Set<Connection>()
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #ofAddress = new Map<string, number>()
  readonly #listeners: Server[] = []
  readonly #closed = { all: 0, address: 0 }
  /** A response's listener, one for all. */
  readonly #forget: (this: ServerResponse) => void
  #entered = 0
  #isClosing = false
  /** Requests that wait until nobody listens; null: none does. */
  #held: (() => void)[] | null = null

  constructor({ maxConnections, maxConnectionsPerAddress, drainMs }: ServerLimits) {
    this.#maxConnections = maxConnections
    this.#maxPerAddress = maxConnectionsPerAddress || Math.ceil(addressShare * maxConnections)
    this.#drainMs = drainMs
    const bySocket = this.#bySocket
    this.#forget = function () {
      const connection = bySocket.get(this.req.socket)
      if (connection?.response !== this) return
      connection.request = null
      connection.response = null
    }
  }

  register(figures: Figures): void {
    figures.gauge('headwater_connections', 'Open connections.', () => this.#connections.size)
    figures.counters(
      'headwater_connections_closed_total',
      'Idle connections that were closed for new ones, by whose limit.',
      ['limit'],
      () => Object.entries(this.#closed).map(([limit, count]) => [[limit], count]),
    )
  }

  guard(listener: Server): void {
    this.#listeners.push(listener)
    listener.on('connection', (socket) => this.#enter(socket))
    listener.on('secureConnection', (socket: Socket) => this.#secured(socket))
  }

  /** A request has begun, which `answer` goes on with. */
  pass(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
    const connection = this.#bySocket.get(request.socket)
    if (connection !== undefined) {
      connection.request = request
      connection.response = response
      response.on('close', this.#forget)
      if (this.#connections.delete(connection)) this.#connections.add(connection)
    }
    if (this.#isClosing) response.shouldKeepAlive = false
    if (this.#held === null) answer()
    else this.#held.push(answer)
  }

  /**
   * Ends the listeners, then all connections. One that is closed while a request is on its way loses it, so callers are told before,
   * with each answer, to close theirs. What comes last waits until nobody listens any more: those who are answered would come again,
   * and a connection that is made at that moment is lost, too.
   *
   * @param idle resolves once the requests are answered that were there at first
   */
  async shut(idle: Promise<void>): Promise<void> {
    this.#isClosing = true
    for (const { response } of this.#connections) if (response !== null) response.shouldKeepAlive = false
    const holdMs = Math.min(mostHoldMs, this.#drainMs)
    const isAlone = this.#connections.size === 0
    await Promise.all([idle, isAlone || wait(this.#drainMs - holdMs)])
    this.#held = []
    await (isAlone || this.#lull(holdMs))
    // Idle connections are closed with their listener.
    for (const listener of this.#listeners) listener.close()
    const held = this.#held
    this.#held = null
    for (const answer of held) answer()
    // What was connected last has a moment to bring its request.
    if (this.#connections.size > 0) await this.#lull(holdMs)
    for (const listener of this.#listeners) listener.closeAllConnections()
  }

  /** Resolves when nobody has come for a while, straight after the loop has taken all that had; in the end whoever comes. */
  async #lull(ms: number): Promise<void> {
    let entered: number
    let looks = 0
    do {
      entered = this.#entered
      await wait(ms)
      // Where the process was held up, what came meanwhile is taken now.
      for (let i = 0; i < 2; i++) await turn()
    } while (this.#entered > entered && ++looks < mostLooks)
  }

  #enter(socket: Socket): void {
    this.#entered++
    // A Unix socket has none, nor has a connection whose other end has gone.
    const { remoteAddress: address = '' } = socket
    const connection: Connection = { socket, address, request: null, response: null }
    this.#connections.add(connection)
    this.#bySocket.set(socket, connection)
    const ofAddress = (this.#ofAddress.get(address) ?? 0) + 1
    this.#ofAddress.set(address, ofAddress)
    socket.on('close', () => this.#leave(connection))
    if (ofAddress > this.#maxPerAddress) this.#closeIdle('address', (other) => other.address === address)
    else if (this.#connections.size > this.#maxConnections) this.#closeIdle('all', () => true)
  }

  /** Requests over TLS come by a socket of their own, which Node says nothing of but its peer. */
  #secured(socket: Socket): void {
    for (const connection of this.#connections) {
      const { remotePort, remoteAddress, destroyed } = connection.socket
      if (destroyed || remotePort !== socket.remotePort || remoteAddress !== socket.remoteAddress) continue
      connection.socket = socket
      this.#bySocket.set(socket, connection)
      return
    }
  }

  #leave(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    const { address } = connection
    const left = this.#ofAddress.get(address)! - 1
    if (left === 0) this.#ofAddress.delete(address)
    else this.#ofAddress.set(address, left)
  }

  /** The newcomer itself is the last. */
  #closeIdle(limit: 'all' | 'address', isMeant: (connection: Connection) => boolean): void {
    for (const connection of this.#connections) {
      if (!isMeant(connection) || !isIdle(connection)) continue
      this.#closed[limit]++
      this.#leave(connection)
      connection.socket.destroy()
      return
    }
  }
}
