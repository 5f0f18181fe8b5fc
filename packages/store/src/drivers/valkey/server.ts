import { Connection, type ConnectionOptions } from './connection.ts'
import type { Address, ValkeyOptions } from './valkey-url.ts'

/** A server and the connections to it: writes have their own, on which waiting for replicas holds up no read. */
export class Server implements Address {
  readonly host: string
  readonly port: number
  readonly reads: Connection
  readonly #options: Omit<ConnectionOptions, 'readOnly'>
  #writes: Connection | null = null
  /** Whether the script was sent to it. A server that was started again has lost it, and says so. */
  hasScript = false

  constructor({ host, port }: Address, options: ValkeyOptions) {
    const { username, password, ca, timeoutMs } = options
    this.host = host
    this.port = port
    this.#options = { host, port, username, password, ca, connectTimeoutMs: Math.max(timeoutMs, 1_000) }
    this.reads = new Connection({ ...this.#options, readOnly: true })
  }

  get address(): string {
    return addressOf(this)
  }

  get writes(): Connection {
    this.#writes ??= new Connection({ ...this.#options, readOnly: false })
    return this.#writes
  }

  close(): void {
    this.reads.close()
    this.#writes?.close()
  }
}

export function addressOf({ host, port }: Address): string {
  return `${host}:${port}`
}
