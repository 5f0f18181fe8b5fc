/** A request of the client's and its whole answer; what carries them is `fetch` in browsers, Node's own HTTP in Node. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer> | null
  /** Aborted at the deadline. */
  readonly signal: AbortSignal
}

export interface ExchangeAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | null
  readonly body: Uint8Array
}

/** Rejects, with whatever error, where no whole answer came. */
export type Exchange = (request: ExchangeRequest) => Promise<ExchangeAnswer>
