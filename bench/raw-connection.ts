/** The cheapest HTTP client there is: whole requests written to an open socket, answers only counted. */
import { connect, type Socket } from 'node:net'

const endOfHead = Buffer.from('\r\n\r\n')
const lengthHeader = /\r\ncontent-length: *(\d+)/i

/** All connections read into it, one after the other: memory of their own for each piece would have the collector stop the load. */
const received = Buffer.alloc(65_536)

/** One connection that is kept alive. One request at a time; no pipelining. */
export class RawConnection {
  readonly #socket: Socket
  /** Bytes of the answer that are to come; −1 while its head is. */
  #leftBytes = -1
  #head: Buffer = Buffer.alloc(0)
  #status = 0
  #onAnswer: ((status: number) => void) | null = null

  private constructor(port: number) {
    const callback = (bytes: number) => {
      this.#take(received.subarray(0, bytes))
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: received, callback } })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => this.#end(0))
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port)
    await new Promise<void>((resolve, reject) => connection.#socket.once('connect', resolve).once('error', reject))
    return connection
  }

  get isOpen(): boolean {
    return this.#socket.writable
  }

  /** @param onAnswer told once the whole answer is there, with its status, 0 where the connection broke */
  send(request: Uint8Array, onAnswer: (status: number) => void): void {
    this.#onAnswer = onAnswer
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    if (this.#leftBytes < 0) {
      const head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
      const end = head.indexOf(endOfHead)
      if (end < 0) {
        this.#head = Buffer.from(head)
        return
      }
      this.#head = Buffer.alloc(0)
      // 'HTTP/1.1 200'
      this.#status = Number(head.toString('latin1', 9, 12))
      const length = Number(lengthHeader.exec(head.toString('latin1', 0, end))?.[1] ?? 0)
      this.#leftBytes = length - (head.length - end - endOfHead.length)
    } else this.#leftBytes -= bytes.length
    if (this.#leftBytes > 0) return
    this.#leftBytes = -1
    this.#end(this.#status)
  }

  #end(status: number): void {
    const told = this.#onAnswer
    this.#onAnswer = null
    told?.(status)
  }
}
