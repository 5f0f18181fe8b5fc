/**
 * The snapshot that a model's directory serves, over HTTP or HTTPS, for machines that do not share the directory:
 * `GET /v1/model` says which it is and what its files are, `GET /v1/files/SHA256` gives one of them, or a part (`Range`).
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { WireError } from '@headwater/client/wire'
import { admit, createListener, limitsOf, type TlsOptions, type Tokens } from '@headwater/service'
import { checksumFile, servedHistory, snapshotDirectory } from '@headwater/snapshot'
import type { ModelIndex } from './model-index.ts'

export interface SnapshotPublisherOptions {
  /** Of the model's snapshots. */
  readonly directory: string
  /** Whose tokens have the scope `read`; `loopback`: no tokens, and requests of other machines are refused. */
  readonly auth: Tokens | 'loopback'
  /** Absent: plain HTTP. */
  readonly tls?: TlsOptions
  /** Called with every failure that is the publisher's own. */
  readonly onError?: (error: unknown) => void
}

export interface SnapshotPublisher {
  readonly url: string
  /** Answers what is under way, and ends. */
  close(): Promise<void>
}

/** @throws SnapshotError where nothing is served, or it is damaged */
export async function publishSnapshots(
  options: SnapshotPublisherOptions,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<SnapshotPublisher> {
  const { directory, auth, tls, onError = () => {} } = options
  const publisher = await publisherOf(directory)
  const files = new Map<string, { readonly path: string; readonly sizeBytes: number }>()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new WireError('unknown_route', 'only GET is known')
      admit(request, auth, 'read')
      const file = /^\/v1\/files\/([0-9a-f]{64})$/.exec(request.url ?? '')
      if (request.url === '/v1/model') await sendIndex(request, response)
      else if (file !== null && files.has(file[1])) sendFile(file[1], request, response)
      else throw new WireError('unknown_route', 'there is no such file; /v1/model names those that there are')
    } catch (error) {
      if (!(error instanceof WireError)) onError(error)
      if (response.headersSent) {
        response.destroy()
        return
      }
      const { status, message, code } =
        error instanceof WireError ? error : new WireError('internal', 'the snapshot cannot be read')
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { code, message } }))
    }
  }
  const sendIndex = async (request: IncomingMessage, response: ServerResponse) => {
    const index = await indexOf(directory, publisher)
    const own = snapshotDirectory(directory, index.snapshot)
    // Those of snapshots before stay known, for mirrors that are fetching one.
    for (const { name, sha256, sizeBytes } of index.files) files.set(sha256, { path: join(own, name), sizeBytes })
    while (files.size > mostFiles) files.delete(files.keys().next().value!)
    const body = JSON.stringify(index)
    const etag = `"${sha256Of(body)}"`
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
    else {
      response.writeHead(200, { etag, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
  }
  const sendFile = (sha256: string, request: IncomingMessage, response: ServerResponse) => {
    const { path, sizeBytes } = files.get(sha256)!
    const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? []
    const start = Number(first ?? 0)
    const headers = { etag: `"${sha256}"`, 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' }
    if (start > sizeBytes || (first !== undefined && start === sizeBytes)) {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${sizeBytes}` }).end()
      return
    }
    response.writeHead(first === undefined ? 200 : 206, {
      ...headers,
      'content-length': sizeBytes - start,
      ...(first !== undefined && { 'content-range': `bytes ${start}-${sizeBytes - 1}/${sizeBytes}` }),
    })
    if (request.method === 'HEAD' || sizeBytes === 0) {
      response.end()
      return
    }
    const stream = createReadStream(path, { start, end: sizeBytes - 1 })
    stream.on('error', (error) => {
      onError(error)
      response.destroy()
    })
    response.on('close', () => stream.destroy())
    stream.pipe(response)
  }
  await indexOf(directory, publisher)
  const server = createListener(limitsOf({}), tls, (request, response) => void answer(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
  return { url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`, close }
}

const mostFiles = 256

const sha256Of = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

async function indexOf(directory: string, publisher: string): Promise<ModelIndex> {
  const entry = (await servedHistory(directory)).at(-1)
  if (entry === undefined) throw new WireError('unknown_snapshot', 'the model serves no snapshot yet')
  const own = snapshotDirectory(directory, entry.snapshot)
  const sums = await readFile(join(own, checksumFile))
  const named = [...sums.toString('utf8').matchAll(/^([0-9a-f]{64}) {2}((?:tower\/)?\w[\w.-]*)$/gm)]
  const about = [...named.map(([, sha256, name]) => ({ name, sha256 })), { name: checksumFile, sha256: sha256Of(sums) }]
  const files = await Promise.all(
    about.map(async (file) => ({ ...file, sizeBytes: (await stat(join(own, file.name))).size })),
  )
  return { format: 1, publisher, snapshot: entry.snapshot, by: entry.by, files }
}

/** Who publishes from a directory: a name that it is given the first time. */
async function publisherOf(directory: string): Promise<string> {
  const path = join(directory, 'publisher')
  await writeFile(path, `${randomUUID()}\n`, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw cause
  })
  return (await readFile(path, 'utf8')).trim()
}
