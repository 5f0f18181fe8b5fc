/** Commands as a server reads them (RESP 2). */
export type Request = string | readonly (string | Uint8Array)[]

/** A reply as it was read: bulk strings are bytes, valid as long as anyone holds them. */
export type Reply = Buffer | number | null | readonly Reply[]

/** A command of text alone. */
export function textRequest(...args: readonly string[]): string {
  let request = `*${args.length}\r\n`
  for (const arg of args) request += bulk(arg)
  return request
}

/** A command with bytes among its arguments. */
export function bytesRequest(...args: readonly (string | Uint8Array)[]): (string | Uint8Array)[] {
  const chunks: (string | Uint8Array)[] = []
  let text = `*${args.length}\r\n`
  for (const arg of args) {
    if (typeof arg === 'string') {
      text += bulk(arg)
      continue
    }
    chunks.push(`${text}$${arg.length}\r\n`, arg)
    text = '\r\n'
  }
  chunks.push(text)
  return chunks
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** Requests one behind the other, in one piece. */
export function joinRequests(requests: readonly Request[]): string | Buffer {
  let text = ''
  let chunks: Uint8Array[] | null = null
  for (const request of requests) {
    if (typeof request === 'string') {
      text += request
      continue
    }
    for (const chunk of request) {
      if (typeof chunk === 'string') text += chunk
      else {
        chunks ??= []
        chunks.push(Buffer.from(text), chunk)
        text = ''
      }
    }
  }
  return chunks === null ? text : Buffer.concat([...chunks, Buffer.from(text)])
}
