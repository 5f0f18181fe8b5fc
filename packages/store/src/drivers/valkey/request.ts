/** A command as a server reads it (RESP 2): text, or pieces where bytes are among its arguments. */
export type Request = string | readonly (string | Uint8Array)[]

/** A reply as it was read: bulk strings are bytes, valid as long as anyone holds them. */
export type Reply = Buffer | number | null | readonly Reply[]

export function request(...args: readonly (string | Uint8Array)[]): Request {
  const pieces: (string | Uint8Array)[] = []
  let text = `*${args.length}\r\n`
  for (const arg of args) {
    if (typeof arg === 'string') text += bulk(arg)
    else {
      pieces.push(`${text}$${arg.length}\r\n`, arg)
      text = '\r\n'
    }
  }
  return pieces.length === 0 ? text : [...pieces, text]
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** Requests one behind the other, in one piece. */
export function joinRequests(requests: readonly Request[]): string | Buffer {
  let text = ''
  const chunks: Uint8Array[] = []
  for (const request of requests) {
    if (typeof request === 'string') {
      text += request
      continue
    }
    for (const piece of request) {
      if (typeof piece === 'string') text += piece
      else {
        chunks.push(Buffer.from(text), piece)
        text = ''
      }
    }
  }
  return chunks.length === 0 ? text : Buffer.concat([...chunks, Buffer.from(text)])
}
