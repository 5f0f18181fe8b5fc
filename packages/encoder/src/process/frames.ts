/** Frames between a process and its encoder, over a socket: a header of five u32, little-endian, and a payload. */
import type { Socket } from 'node:net'

export interface FrameHead {
  /** A value of `messageKind`. */
  readonly kind: number
  /** Names a request; its answer has the same. */
  readonly call: number
  /** Names a loaded snapshot; 0 where the message is about none. */
  readonly snapshot: number
  /** Rows of a batch; 0 where there is none. */
  readonly rows: number
}

export interface Frame extends FrameHead {
  /** Memory of its own, so that typed arrays may lie over it. */
  readonly payload: Uint8Array<ArrayBuffer>
}

/** Bytes on the stream that are no frame. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

const headBytes = 20

/** Largest payload: bounds what a broken peer can make this process allocate. */
export const maxPayloadBytes = 2 ** 26

/**
 * Writes a frame whose payload is the parts, one behind the other. They are not copied here, and must stay as they are
 * until the frame was answered.
 * @throws RangeError for a payload over `maxPayloadBytes`
 */
export function writeFrame(socket: Socket, head: FrameHead, parts: readonly ArrayBufferView[] = []): void {
  const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (bytes > maxPayloadBytes)
    throw new RangeError(`a message of ${bytes} bytes is over ${maxPayloadBytes}; encode fewer rows at once`)
  const header = Buffer.allocUnsafe(headBytes)
  for (const [i, value] of [bytes, head.kind, head.call, head.snapshot, head.rows].entries())
    header.writeUInt32LE(value, 4 * i)
  // Header and parts leave by one system call.
  socket.cork()
  socket.write(header)
  for (const part of parts) socket.write(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  socket.uncork()
}

/** Puts frames together from the pieces that a stream happens to come in; each byte is copied once. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #header = Buffer.alloc(headBytes)
  #headerHas = 0
  #payload: Buffer<ArrayBuffer> | null = null
  #payloadHas = 0

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  /** @throws FrameError, and what `onFrame` throws */
  push(piece: Buffer): void {
    let at = 0
    while (at < piece.length) {
      if (this.#payload === null) {
        const copied = piece.copy(this.#header, this.#headerHas, at)
        at += copied
        this.#headerHas += copied
        if (this.#headerHas < headBytes) return
        const bytes = this.#header.readUInt32LE(0)
        if (bytes > maxPayloadBytes)
          throw new FrameError(`a frame says it has ${bytes} bytes; something else was written`)
        // Every byte is written before anyone reads it.
        this.#payload = Buffer.allocUnsafeSlow(bytes)
        this.#payloadHas = 0
      }
      const copied = piece.copy(this.#payload, this.#payloadHas, at)
      at += copied
      this.#payloadHas += copied
      if (this.#payloadHas === this.#payload.length) this.#finish(this.#payload)
    }
  }

  #finish(payload: Buffer<ArrayBuffer>): void {
    const [kind, call, snapshot, rows] = [4, 8, 12, 16].map((at) => this.#header.readUInt32LE(at))
    this.#payload = null
    this.#headerHas = 0
    this.#onFrame({ kind, call, snapshot, rows, payload: new Uint8Array(payload.buffer) })
  }
}
