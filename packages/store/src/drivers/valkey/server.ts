import { Connection } from './connection.ts'
import type { Address, ValkeyOptions } from './valkey-url.ts'

/** A server and the connections to it: writes have their own, on which waiting for replicas holds up no read. */
export class Server implements Address {
  readonly host: string
  readonly port: number
  readonly address: string
  readonly reads: Connection
  /** Whether the script was sent to it. A server that was started again has lost it, and says so. */
  hasScript = false
  /** Whether it took over from a server that was silent, and nobody has asked it since whether it has copies of its own. */
  suspect = false
  readonly #options: ValkeyOptions
  #writes: Connection | null = null

  constructor(at: Address, options: ValkeyOptions) {
    this.host = at.host
    this.port = at.port
    this.address = addressOf(at)
    this.reads = new Connection(at, options, true)
    this.#options = options
  }

  get writes(): Connection {
    this.#writes ??= new Connection(this, this.#options, false)
    return this.#writes
  }

  /** Whether nothing is heard of it that was to be heard. */
  get silent(): boolean {
    return !this.reads.usable || this.reads.failing || this.#writes?.failing === true
  }

  close(): void {
    this.reads.close()
    this.#writes?.close()
  }
}

export function addressOf({ host, port }: Address): string {
  return `${host}:${port}`
}
