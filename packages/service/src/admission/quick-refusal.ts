import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerTypeOf, type Format, type WireError } from '@headwater/client/wire'
import { refusalFormat, refusalOf } from '../failures/refusal.ts'
import { type BodySink, ParsedRequest } from '../listener/parsed-request.ts'

interface Made {
  readonly headers: readonly string[]
  /** A character a byte: text is joined with its head, and goes out in one piece. */
  readonly text: string
}

/** A refusal that is made once, and answered before the body has come, which is let go without a stream's work for it. */
export class QuickRefusal {
  readonly #status: number
  readonly #made: Readonly<Record<Format, Made>>

  constructor(error: WireError) {
    this.#status = error.status
    const made = (format: Format): Made => {
      const { headers, body } = refusalOf(error, { accept: answerTypeOf[format] })
      const all = { ...headers, 'content-length': String(body.length) }
      return { headers: Object.entries(all).flat(), text: body.toString('latin1') }
    }
    this.#made = { json: made('json'), msgpack: made('msgpack') }
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { headers, text } = this.#made[refusalFormat(request.headers)]
    if (request instanceof ParsedRequest) request.handTo(nobody)
    response.writeHead(this.#status, headers as string[])
    response.end(text, 'latin1')
  }
}

const nobody: BodySink = { take() {}, end() {} }
