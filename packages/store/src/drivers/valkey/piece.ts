import type { Connection, Receiver } from './connection.ts'
import { joinRequests, type Reply, type Request } from './request.ts'
import type { Server } from './server.ts'

export interface Confirmation {
  request(waitMs: number): string
  confirms(reply: Reply): boolean
}

/** What became of a row. `unknown`: sent, and no reply. `unconfirmed`: answered, and not confirmed. */
export const rowState = { open: 0, answered: 1, unanswered: 2, unknown: 3, unconfirmed: 4 } as const

/** Whose rows a piece carries. */
export interface PieceOwner {
  /** Why a server cannot confirm at all, if it says so. */
  confirmationProblem: string | null
  answer(row: number, reply: Reply, confirmed: boolean): void
  refuse(row: number, server: Server, message: string): void
  lose(row: number): void
  settle(row: number, state: number): void
}

/** What goes to one server in one piece: the script, rows, a confirmation. */
export class Piece implements Receiver {
  readonly server: Server
  readonly rows: number[] = []
  readonly #owner: PieceOwner
  #requests: Request[] = []
  /** Row of each reply, −1 for those that are not a row's. */
  readonly #rowOfPlace: number[] = []
  #connection: Connection | null = null
  #confirms: ((reply: Reply) => boolean) | null = null
  /** Rows that wait for the confirmation. */
  readonly #held: number[] = []
  /** Replies come in order: those before this place have come. */
  #heard = 0

  constructor(owner: PieceOwner, server: Server) {
    this.#owner = owner
    this.server = server
  }

  add(row: number, request: Request, asking: boolean): void {
    if (asking) this.#push(-1, askingRequest)
    this.#push(row, request)
    this.rows.push(row)
  }

  lead(request: string): void {
    this.#requests.unshift(request)
    this.#rowOfPlace.unshift(-1)
  }

  confirm(request: string, confirms: (reply: Reply) => boolean): void {
    this.#push(-1, request)
    this.#confirms = confirms
  }

  send(connection: Connection): boolean {
    this.#connection = connection
    const sent = connection.send(joinRequests(this.#requests), this.#requests.length, this)
    this.#requests = []
    return sent
  }

  /** Rows whose replies have not come; the connection is known to be silent from then on. */
  overdue(): readonly number[] {
    const rows = this.#rowOfPlace.slice(this.#heard).filter((row) => row >= 0)
    if (this.#heard < this.#rowOfPlace.length) {
      this.#connection?.markSilent()
      if (this.#held.length > 0) this.#connection!.unconfirmed = true
    }
    return rows
  }

  reply(place: number, reply: Reply): void {
    const row = this.#next(place)
    if (row < 0) {
      if (this.#isConfirmation(place)) this.#end(this.#confirms!(reply))
      return
    }
    if (this.#confirms !== null) this.#held.push(row)
    this.#owner.answer(row, reply, this.#confirms === null)
  }

  refuse(place: number, message: string): void {
    const row = this.#next(place)
    if (row >= 0) this.#owner.refuse(row, this.server, message)
    else if (this.#isConfirmation(place)) {
      this.#owner.confirmationProblem = `${this.server.address}: ${message}`
      this.#end(false)
    }
  }

  lose(place: number): void {
    const row = this.#next(place)
    if (row >= 0) this.#owner.lose(row)
    else if (this.#isConfirmation(place)) this.#end(false)
  }

  #push(row: number, request: Request): void {
    this.#requests.push(request)
    this.#rowOfPlace.push(row)
  }

  #next(place: number): number {
    this.#heard = place + 1
    return this.#rowOfPlace[place]
  }

  #isConfirmation(place: number): boolean {
    return this.#confirms !== null && place === this.#rowOfPlace.length - 1
  }

  #end(confirmed: boolean): void {
    if (!confirmed && this.#held.length > 0) this.#connection!.unconfirmed = true
    for (const row of this.#held) this.#owner.settle(row, confirmed ? rowState.answered : rowState.unconfirmed)
  }
}

const askingRequest = '*1\r\n$6\r\nASKING\r\n'
