/** An HTTP answer read from bytes as RFC 9112 has it, and more strictly than clients do: a length, and nothing that may be left out. */
export interface HttpAnswer {
  readonly status: number
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** Head and body. */
  readonly sizeBytes: number
}

/** The answer that `bytes` begin with; null where it is not there to its end. @throws Error for what is none */
export function takeAnswer(bytes: Buffer): HttpAnswer | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) {
    const start = bytes.toString('latin1', 0, 9)
    if (!'HTTP/1.1 '.startsWith(start)) throw new Error(`no HTTP answer begins with ${JSON.stringify(start)}`)
    return null
  }
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) [ -~]*$/.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`${JSON.stringify(first)} is no status line`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value] = /^([\w-]+): ([ -~]+)$/.exec(line) ?? []
    if (name === '' || headers.has(name.toLowerCase())) throw new Error(`${JSON.stringify(line)} is no header`)
    headers.set(name.toLowerCase(), value)
  }
  const length = headers.get('content-length') ?? (status < 200 ? '0' : '')
  if (!/^\d+$/.test(length) || headers.has('transfer-encoding')) throw new Error(`no length in ${lines.join(', ')}`)
  const sizeBytes = end + 4 + Number(length)
  if (bytes.length < sizeBytes) return null
  return { status, headers, body: bytes.subarray(end + 4, sizeBytes), sizeBytes }
}
