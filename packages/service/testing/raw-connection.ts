import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { type HttpAnswer, takeAnswer } from './http-answer.ts'

/** A connection to this machine that sends what it is told, packet by packet, and never closes by itself. */
export class RawConnection {
  /** The other side sends no more. */
  isOver = false
  /** By either side: an answer may be lost, or a part of it. */
  wasReset = false
  readonly #socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  #wake = () => {}

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    this.#socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    this.#socket.on('error', () => {
      this.wasReset = true
    })
    for (const event of ['end', 'close']) {
      this.#socket.on(event, () => {
        this.isOver = true
        this.#wake()
      })
    }
  }

  /** Bytes that have come, and were not taken as answers. */
  get leftBytes(): number {
    return this.#bytes.length
  }

  /** The other side has turns between them. */
  async send(packets: readonly Uint8Array[]): Promise<void> {
    for (const packet of packets) {
      if (this.isOver) return
      this.#socket.write(packet)
      for (let i = 0; i < 3; i++) await turn()
    }
  }

  /** The next final answer, null where the connection ends before it. @throws Error for what is no HTTP */
  async next(): Promise<HttpAnswer | null> {
    for (;;) {
      const answer = takeAnswer(this.#bytes)
      if (answer !== null) {
        this.#bytes = this.#bytes.subarray(answer.sizeBytes)
        if (answer.status >= 200) return answer
      } else if (this.isOver) {
        if (this.#bytes.length > 0 && !this.wasReset) throw new Error('an answer was cut off')
        return null
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  /** Says that no more will come. */
  end(): void {
    this.#socket.end()
  }

  /** @param isReset whether the other side is told of an error */
  breakOff(isReset = false): void {
    this.isOver = true
    this.wasReset = true
    if (isReset) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
  }
}
