import type { IncomingMessage } from 'node:http'
import { WireError } from '@headwater/client/wire'
import { type BodySink, ParsedRequest } from './parsed-request.ts'

/** Called once, with an error or with the body. */
type OnBody = (error: WireError | null, body: Uint8Array) => void

/**
 * Takes a request's body, most often one chunk, which is then handed on as it is, and past the request's stream where it is
 * a `ParsedRequest`. For a request that is cut off it is not called: its connection is gone.
 */
export function takeBody(request: IncomingMessage, maxBytes: number, onBody: OnBody): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    onBody(tooLarge(maxBytes), none)
    return
  }
  const body = new Body(maxBytes, onBody)
  if (request instanceof ParsedRequest && request.handTo(body)) return
  request.on('data', (chunk) => body.take(chunk))
  request.on('end', () => body.end())
}

const none = new Uint8Array()

class Body implements BodySink {
  readonly #maxBytes: number
  readonly #onBody: OnBody
  /** Null once it was refused: what comes then is let go. */
  #chunks: Uint8Array[] | null = []
  #sizeBytes = 0

  constructor(maxBytes: number, onBody: OnBody) {
    this.#maxBytes = maxBytes
    this.#onBody = onBody
  }

  take(chunk: Uint8Array): void {
    if (this.#chunks === null) return
    this.#chunks.push(chunk)
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes <= this.#maxBytes) return
    this.#chunks = null
    this.#onBody(tooLarge(this.#maxBytes), none)
  }

  end(): void {
    if (this.#chunks === null) return
    this.#onBody(null, this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks))
  }
}

function tooLarge(maxBytes: number): WireError {
  return new WireError('body_too_large', `the body has more than ${maxBytes} bytes; send it in slices`)
}
