/** The cheapest HTTP client there is: whole requests written to an open socket, answers only counted. */
import { connect, type Socket } from 'node:net'

const endOfHead = Buffer.from('\r\n\r\n')
const lengthHeader = /\r\ncontent-length: *(\d+)/i

/** One connection that is kept alive. One request at a time; no pipelining. */
export class RawConnection {
  readonly #socket: Socket
  /** Bytes of the answer that are to come; −1 while its head is. */
  #leftBytes = -1
  #head: Buffer = Buffer.alloc(0)
  #isOk = false
  #onAnswer: ((isOk: boolean) => void) | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => this.#take(bytes))
    socket.on('error', () => {})
    socket.on('close', () => this.#end(false))
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawConnection(socket)
  }

  get isOpen(): boolean {
    return this.#socket.writable
  }

  /** @param onAnswer told once the whole answer is there, with whether its status was 200 */
  send(request: Uint8Array, onAnswer: (isOk: boolean) => void): void {
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
        this.#head = head
        return
      }
      this.#head = Buffer.alloc(0)
      // 'HTTP/1.1 200': the status starts at byte 9.
      this.#isOk = head[9] === 0x32 && head[10] === 0x30 && head[11] === 0x30
      const length = Number(lengthHeader.exec(head.toString('latin1', 0, end))?.[1] ?? 0)
      this.#leftBytes = length - (head.length - end - endOfHead.length)
    } else this.#leftBytes -= bytes.length
    if (this.#leftBytes > 0) return
    this.#leftBytes = -1
    this.#end(this.#isOk)
  }

  #end(isOk: boolean): void {
    const told = this.#onAnswer
    this.#onAnswer = null
    told?.(isOk)
  }
}
