import { getOrMake } from '../../maps/get-or-make.ts'
import { StoreAccessError } from '../../validation/errors.ts'
import type { Connection, Receiver } from './connection.ts'
import { type Reply, type Request, request } from './request.ts'
import type { Server } from './server.ts'
import type { Topology } from './topology.ts'

/** What became of a row. `unknown`: sent, and no reply. `unconfirmed`: answered, and not confirmed. */
export const rowState = { open: 0, answered: 1, unanswered: 2, unknown: 3, unconfirmed: 4 } as const

/** Commands on one key each. R = rows. */
export interface Rows {
  readonly count: number
  /** [R] */
  readonly slots: Uint16Array
  request(row: number): Request
}

export interface Confirmation {
  request(waitMs: number): Request
  confirms(reply: Reply): boolean
}

export interface ExchangeOptions {
  /**
   * `available`: any server of the slot may answer, and one that is silent gives way to the next. `newest`: the master
   * alone. `write`: the master alone, and no request that it may have carried out is sent again.
   */
  readonly purpose: 'available' | 'newest' | 'write'
  /** Longest without a reply to any of the rows. */
  readonly timeoutMs: number
  /** Longest in all where replies come. Default `timeoutMs`. */
  readonly mostMs?: number
  /** Request that loads the script, sent ahead to servers that may not have it. */
  readonly loadScript?: Request
  /** Sent behind the rows' requests: its reply confirms them or not; `write` only. */
  readonly confirmation?: Confirmation | null
}

/** Redirections that a row follows at once; servers that disagree are given a moment then. */
const mostAtOnce = 5
const pauseMs = 10
/** How often what waits for a master is looked at. */
const lookMs = 250
/** How long is waited for a master that is known to fail: another may take over, or its connection be made anew. */
export const graceMs = 250
/** How long a probe asks for the copies of what was written before. */
const probedCopiesMs = 100

/**
 * Sends rows' requests to the servers of their slots, one piece a server, and follows what the servers say: a slot that
 * moved or is on its way, a master that is gone.
 */
export class Exchange {
  /** [R] */
  readonly replies: (Reply | undefined)[]
  /** [R] values of `rowState`. */
  readonly states: Uint8Array
  /** Why a server refused a write for good. What became of the other rows is in their states. */
  refusal: StoreAccessError | null = null
  /** Why a server cannot confirm at all, if it says so. */
  confirmationProblem: string | null = null
  readonly #topology: Topology
  readonly #rows: Rows
  readonly #options: ExchangeOptions
  readonly #startMs = performance.now()
  #endMs: number
  /** When a reply was last seen. */
  #repliedMs = this.#startMs
  /** Whether one came since. */
  #replied = false
  /** [R] requests under way. */
  readonly #underWay: Uint8Array
  /** [R] first of the shard's servers that a read has not tried. */
  readonly #next: Uint8Array
  readonly #attempts: Uint8Array
  /** Servers that a row was sent to, in place of its slot's. */
  readonly #directions = new Map<number, { readonly server: Server; readonly asking: boolean }>()
  /** Rows to be sent (again). */
  #ready: number[] = []
  #flushing = false
  readonly #paused: number[] = []
  #pauseTimer: NodeJS.Timeout | null = null
  readonly #pieces: Piece[] = []
  #open: number
  #finish: () => void = () => {}
  #fail: (error: Error) => void = () => {}

  constructor(topology: Topology, rows: Rows, options: ExchangeOptions) {
    const { count } = rows
    this.#topology = topology
    this.#rows = rows
    this.#options = options
    this.#endMs = this.#startMs + options.timeoutMs
    this.replies = new Array(count).fill(undefined)
    this.states = new Uint8Array(count)
    this.#underWay = new Uint8Array(count)
    this.#next = new Uint8Array(count)
    this.#attempts = new Uint8Array(count)
    this.#open = count
  }

  /** Resolves when every row has its state. @throws StoreAccessError where a server refuses the command as such */
  async run(): Promise<this> {
    if (this.#open === 0) return this
    const { purpose, timeoutMs } = this.#options
    const timers: NodeJS.Timeout[] = []
    // A process that was busy finds its timers due before it reads the replies that lie there: those come first.
    const after = (ms: number, act: () => void) => timers.push(setTimeout(() => setImmediate(act), ms))
    const every = (ms: number, act: () => void) => timers.push(setInterval(() => setImmediate(act), ms))
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve
        this.#fail = reject
        if (purpose === 'available') {
          after(timeoutMs / 2, () => this.#tryNext())
          after(timeoutMs, () => this.#timeOut())
        } else every(Math.min(lookMs, timeoutMs / 8), () => this.#look())
        for (let row = 0; row < this.#rows.count; row++) this.#ready.push(row)
        this.#flush()
      })
    } finally {
      this.#open = 0
      for (const timer of timers) clearTimeout(timer)
      if (this.#pauseTimer !== null) clearTimeout(this.#pauseTimer)
    }
    return this
  }

  /** A row's reply. Of a write that is to be confirmed it counts later. */
  #answer(row: number, reply: Reply, confirmed: boolean): void {
    this.#underWay[row]--
    if (this.states[row] !== rowState.open) return
    this.replies[row] = reply
    if (confirmed) this.#settle(row, rowState.answered)
  }

  /** A server's error for a row: its code says what to do. */
  #refuse(row: number, server: Server, message: string): void {
    this.#underWay[row]--
    if (this.states[row] !== rowState.open || this.#open === 0) return
    const [code, slot, address] = message.split(' ')
    if ((code === 'MOVED' || code === 'ASK') && address !== undefined) {
      const to = this.#topology.server(parseAddress(address, server.host))
      if (code === 'MOVED') this.#topology.moved(Number(slot), to)
      this.#directions.set(row, { server: to, asking: code === 'ASK' })
      this.#again(row)
    } else if (code === 'NOSCRIPT') {
      server.hasScript = false
      this.#again(row)
    } else if (/^(CLUSTERDOWN|LOADING|MASTERDOWN|TRYAGAIN|READONLY|BUSY)$/.test(code)) {
      void this.#topology.refresh()
      this.#directions.delete(row)
      this.#next[row]++
      this.#pause(row)
    } else {
      this.refusal ??= new StoreAccessError(
        `the Valkey server ${server.address} refuses the store's command: ${message}; see to it there`,
      )
      if (this.#options.purpose === 'write') this.#settle(row, rowState.unanswered)
      else this.#fail(this.refusal)
    }
  }

  /** The connection ended while a row's request was under way. */
  #lose(row: number): void {
    this.#underWay[row]--
    if (this.states[row] !== rowState.open || this.#open === 0) return
    void this.#topology.refresh()
    if (this.#options.purpose === 'write') this.#settle(row, rowState.unknown)
    else this.#elsewhere(row)
  }

  #settle(row: number, state: number): void {
    if (this.states[row] !== rowState.open) return
    this.states[row] = state
    if (--this.#open === 0) this.#finish()
  }

  /** Sends it to the next of its shard's servers. */
  #elsewhere(row: number): void {
    this.#directions.delete(row)
    this.#next[row]++
    this.#again(row)
  }

  /** Sends it again together with the others of which the same is learnt now. */
  #again(row: number): void {
    if (this.#attempts[row] >= mostAtOnce) {
      this.#pause(row)
      return
    }
    this.#attempts[row]++
    this.#ready.push(row)
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #pause(row: number): void {
    this.#paused.push(row)
    this.#pauseTimer ??= setTimeout(() => {
      this.#pauseTimer = null
      this.#ready.push(...this.#paused.splice(0))
      this.#flush()
    }, pauseMs)
  }

  #flush(): void {
    const pieces = new Map<Server, number[]>()
    for (const row of this.#ready.splice(0)) {
      if (this.states[row] !== rowState.open) continue
      const server = this.#directions.get(row)?.server ?? this.#serverOf(row)
      if (server === null) continue
      getOrMake(pieces, server, () => []).push(row)
    }
    for (const [server, rows] of pieces) this.#send(server, rows)
  }

  /** Null where the row waits or is settled. */
  #serverOf(row: number): Server | null {
    const shard = this.#topology.shardOf(this.#rows.slots[row])
    if (this.#options.purpose !== 'available') {
      const isFailing = shard !== undefined && this.#isFailing(shard.master)
      if (shard !== undefined && !isFailing) return shard.master
      void this.#topology.refresh()
      if (isFailing && performance.now() > this.#startMs + graceMs) this.#settle(row, rowState.unanswered)
      else this.#pause(row)
      return null
    }
    const servers = shard === undefined ? [] : [shard.master, ...shard.replicas]
    for (; this.#next[row] < servers.length; this.#next[row]++) {
      const server = servers[this.#next[row]]
      if (server.reads.usable) return server
    }
    void this.#topology.refresh()
    if (this.#underWay[row] > 0) return null
    if (servers.some(({ reads }) => reads.starting)) {
      this.#next[row] = 0
      this.#pause(row)
    } else this.#settle(row, rowState.unanswered)
    return null
  }

  #isFailing(server: Server): boolean {
    const connection = this.#connectionTo(server)
    if (server.suspect && this.#options.confirmation) {
      // It has no replica, most likely: that is found out before anybody waits for one.
      server.suspect = false
      this.#probe(connection, server)
    }
    return connection.failing
  }

  #connectionTo(server: Server): Connection {
    return this.#options.purpose === 'write' ? server.writes : server.reads
  }

  /** Sends the script, rows and a confirmation in one piece. */
  #send(server: Server, rows: readonly number[]): void {
    const { purpose, loadScript, confirmation } = this.#options
    const connection = this.#connectionTo(server)
    const requests: Request[] = []
    const rowOfPlace: number[] = []
    const add = (row: number, request: Request) => {
      rowOfPlace.push(row)
      requests.push(request)
    }
    if (loadScript !== undefined && !server.hasScript) add(-1, loadScript)
    for (const row of rows) {
      if (this.#directions.get(row)?.asking === true) add(-1, asking)
      add(row, this.#rows.request(row))
    }
    // The server is to say that it waited in vain before the time is over here.
    const waitMs = Math.max(1, Math.floor(0.9 * (this.#endMs - performance.now())))
    if (confirmation) add(-1, confirmation.request(waitMs))
    const piece = this.#receiver(server, connection, rowOfPlace, confirmation ?? null)
    if (connection.send(requests, piece)) {
      if (loadScript !== undefined) server.hasScript = true
      for (const row of rows) this.#underWay[row]++
      this.#pieces.push(piece)
      return
    }
    // To a server that is only just met it can be sent soon.
    const { starting } = connection
    if (!starting) void this.#topology.refresh()
    for (const row of rows) {
      if (!starting && purpose === 'available') this.#elsewhere(row)
      else {
        if (!starting) this.#directions.delete(row)
        this.#pause(row)
      }
    }
  }

  /**
   * Takes the replies to a piece.
   *
   * @param rowOfPlace −1 for replies that are not a row's
   * @param confirmation its reply comes last
   */
  #receiver(
    server: Server,
    connection: Connection,
    rowOfPlace: readonly number[],
    confirmation: Confirmation | null,
  ): Piece {
    /** Rows that wait for the confirmation. */
    const held: number[] = []
    /** Replies come in order: those before this place have come. */
    let heard = 0
    const rowOf = (place: number) => {
      heard = place + 1
      this.#replied = true
      return rowOfPlace[place]
    }
    const isLast = (place: number) => place === rowOfPlace.length - 1
    const end = (confirmed: boolean) => {
      if (!confirmed && held.length > 0) connection.unconfirmed = true
      for (const row of held) this.#settle(row, confirmed ? rowState.answered : rowState.unconfirmed)
    }
    return {
      server,
      connection,
      reply: (place, reply) => {
        const row = rowOf(place)
        if (row >= 0) {
          if (confirmation !== null) held.push(row)
          this.#answer(row, reply, confirmation === null)
        } else if (isLast(place)) {
          const confirmed = confirmation!.confirms(reply)
          // Those behind it would wait as long for copies as it did.
          if (!confirmed) this.#probe(connection, server)
          end(confirmed)
        }
      },
      refuse: (place, message) => {
        const row = rowOf(place)
        if (row >= 0) this.#refuse(row, server, message)
        else if (isLast(place)) {
          this.confirmationProblem = `${server.address}: ${message}`
          end(false)
        }
      },
      lose: (place) => {
        const row = rowOf(place)
        if (row >= 0) this.#lose(row)
        else if (isLast(place)) end(false)
      },
      /** Rows whose replies have not come; the connection is known to be silent from then on. */
      overdue: () => {
        if (heard === rowOfPlace.length) return []
        connection.markSilent()
        if (held.length > 0) connection.unconfirmed = true
        return rowOfPlace.slice(heard).filter((row) => row >= 0)
      },
    }
  }

  /** Half of a read's time is over: servers that have not answered are passed over, by this read and by others. */
  #tryNext(): void {
    if (this.#open === 0) return
    for (const piece of this.#pieces) {
      for (const row of piece.overdue()) if (this.states[row] === rowState.open) this.#elsewhere(row)
    }
  }

  /** Gives up what a master is silent about for too long, and at once what waits for one that is known to fail. */
  #look(): void {
    if (this.#open === 0) return
    const { timeoutMs, mostMs = timeoutMs } = this.#options
    const nowMs = performance.now()
    if (this.#replied) {
      this.#replied = false
      this.#repliedMs = nowMs
      this.#endMs = Math.min(nowMs + timeoutMs, this.#startMs + mostMs)
    }
    if (nowMs >= this.#endMs) {
      // Where replies came until now, their servers are slow, not silent.
      if (nowMs - this.#repliedMs >= timeoutMs / 2) this.#failSilent()
      this.#timeOut()
    } else {
      for (const piece of this.#pieces) {
        if (!piece.connection.failing) continue
        for (const row of piece.overdue()) this.#giveUp(row)
      }
    }
  }

  /** Has the servers known that rows wait for: what is silent on one connection is on the other. */
  #failSilent(): void {
    const silent = (server: Server) => {
      this.#probe(server.reads, server)
      this.#probe(server.writes, server)
    }
    for (const piece of this.#pieces) if (piece.overdue().length > 0) silent(piece.server)
    for (let row = 0; row < this.#rows.count; row++) {
      if (this.states[row] !== rowState.open || this.#underWay[row] > 0) continue
      const shard = this.#topology.shardOf(this.#rows.slots[row])
      if (shard !== undefined && !this.#connectionTo(shard.master).up) silent(shard.master)
    }
  }

  /** Has a server's connection count as failing until it answers well. */
  #probe(connection: Connection, { reads }: Server): void {
    const { confirmation } = this.#options
    if (confirmation && connection !== reads)
      connection.fail(confirmation.request(probedCopiesMs), (reply) => confirmation.confirms(reply))
    else connection.fail(ping, () => true)
  }

  #timeOut(): void {
    if (this.#open === 0) return
    for (const piece of this.#pieces) piece.overdue()
    for (let row = 0; row < this.#rows.count; row++) this.#giveUp(row)
  }

  #giveUp(row: number): void {
    const sent = this.#options.purpose === 'write' && this.#underWay[row] > 0
    const held = this.replies[row] !== undefined
    this.#settle(row, held ? rowState.unconfirmed : sent ? rowState.unknown : rowState.unanswered)
  }
}

/** What was sent on a connection, and takes its replies. */
interface Piece extends Receiver {
  readonly server: Server
  readonly connection: Connection
  /** Rows that wait for a reply still. */
  overdue(): readonly number[]
}

const asking = request('ASKING')
const ping = request('PING')

function parseAddress(address: string, host: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon) || host, port: Number(address.slice(colon + 1)) }
}
