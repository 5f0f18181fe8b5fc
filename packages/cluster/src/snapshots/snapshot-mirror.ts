/** A publisher's snapshots in a directory of this machine, which is followed as one that holds a model's own. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import {
  checksumFile,
  contentDigest,
  listSnapshots,
  servedHistory,
  servedSnapshot,
  serveSnapshot,
  snapshotDigest,
  snapshotDirectory,
  snapshotNumber,
  syncDirectory,
} from '@headwater/snapshot'
import { PublisherConflictError, SnapshotFetchError } from '../node/errors.ts'
import { type ModelIndex, maxIndexLength, type PublishedFile, parseModelIndex } from './model-index.ts'

export interface SnapshotMirrorOptions {
  /** Of the publisher, `http://` or `https://`. */
  readonly url: string
  /** Of this process alone. */
  readonly directory: string
  /** For errors. */
  readonly model: string
  /** Of a publisher that asks for one. */
  readonly token?: string
  /** Authorities of its certificate, as PEM. Default: those that Node trusts. */
  readonly ca?: string | Buffer
  /** How often the publisher is asked. Default 500. */
  readonly pollMs?: number
  /** Called with the error where something could not be fetched; what is there goes on. */
  readonly onError?: (error: unknown) => void
}

export interface SnapshotMirror {
  stop(): Promise<void>
}

/** What is mirrored, and what ends it. */
interface Source extends SnapshotMirrorOptions {
  readonly signal: AbortSignal
}

/** Snapshots kept, that of now included: encoders that are started again load theirs once more. */
const kept = 3
/** A publisher that sends nothing for as long is given up, until the next time. */
const silenceMs = 10_000

/**
 * Fetches what the publisher serves and, from then on, each snapshot that it serves later. A snapshot is there by one
 * rename once all its files are what their checksums say; what was fetched of one before it broke off is not fetched again.
 *
 * @throws SnapshotFetchError where there is nothing to serve, PublisherConflictError; without the publisher, what is there
 *   serves
 */
export async function mirrorSnapshots(options: SnapshotMirrorOptions): Promise<SnapshotMirror> {
  const { directory, pollMs = 500, onError } = options
  const abort = new AbortController()
  const { signal } = abort
  const source = { ...options, signal }
  await mkdir(directory, { recursive: true })
  let etag: string | undefined
  try {
    etag = await sync(source, etag)
  } catch (error) {
    if ((await servedSnapshot(directory)) === null) throw error
    onError?.(error)
  }
  const follow = async () => {
    while (await wait(pollMs, true, { signal, ref: false }).catch(() => false)) {
      try {
        etag = await sync(source, etag)
      } catch (error) {
        if (!signal.aborted) onError?.(error)
      }
    }
  }
  const following = follow()
  return {
    async stop() {
      abort.abort()
      await following
    },
  }
}

/**
 * @param etag of the answer before
 * @returns that of this one: where something fails, the same is tried again
 * @throws SnapshotFetchError, PublisherConflictError
 */
async function sync(source: Source, etag: string | undefined): Promise<string | undefined> {
  const { url, directory } = source
  const response = await get(source, '/v1/model', etag === undefined ? {} : { 'if-none-match': etag })
  if (response.statusCode === 304) {
    response.resume()
    return etag
  }
  const text = await textOf(response, `${url}/v1/model`)
  if (response.statusCode !== 200) throw new SnapshotFetchError(`${url}/v1/model: ${response.statusCode} ${text}`)
  const index = parseModelIndex(text, url)
  await checkPublisher(source, index)
  await fetchSnapshot(source, index)
  const served = (await servedHistory(directory)).at(-1)
  if (served?.snapshot !== index.snapshot || served.by !== index.by)
    await serveSnapshot(directory, index.snapshot, index.by)
  await removeOld(directory, index.snapshot)
  return response.headers.etag
}

/** What a directory has of one publisher is not mixed with what another one gives. */
async function checkPublisher({ directory, model }: Source, { publisher, snapshot }: ModelIndex): Promise<void> {
  const path = join(directory, 'publisher')
  await writeFile(path, publisher, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw cause
  })
  if ((await readFile(path, 'utf8')).trim() !== publisher) throw new PublisherConflictError(model, snapshot)
}

async function fetchSnapshot(source: Source, { snapshot, files }: ModelIndex): Promise<void> {
  const { directory, model } = source
  const target = snapshotDirectory(directory, snapshot)
  const { sha256 } = files.find(({ name }) => name === checksumFile)!
  if (existsSync(target)) {
    // Both may have forgotten users in its panel since.
    const published = contentDigest(new Map(files.map((file) => [file.name, file.sha256])))
    if ((await snapshotDigest(target)) !== published) throw new PublisherConflictError(model, snapshot)
    return
  }
  // It is named after what it holds, so that another snapshot of the number begins anew.
  const partial = join(directory, `.fetching-${snapshot}-${sha256}`)
  await mkdir(partial, { recursive: true })
  for (const file of files) {
    const path = join(partial, file.name)
    await mkdir(dirname(path), { recursive: true })
    await fetchFile(source, file, path)
  }
  await syncDirectory(partial)
  await rename(partial, target)
  await syncDirectory(directory)
  // What was fetched of others, before they gave way to this one.
  for (const name of await readdir(directory))
    if (name.startsWith('.fetching-')) await rm(join(directory, name), { recursive: true, force: true })
}

async function fetchFile(source: Source, { name, sha256, sizeBytes }: PublishedFile, path: string): Promise<void> {
  const { url, signal } = source
  const heldBytes = (await stat(path).catch(() => null))?.size ?? 0
  if (heldBytes < sizeBytes || sizeBytes === 0) {
    const response = await get(source, `/v1/files/${sha256}`, heldBytes > 0 ? { range: `bytes=${heldBytes}-` } : {})
    const { statusCode } = response
    if (statusCode !== 200 && statusCode !== 206) {
      response.resume()
      throw new SnapshotFetchError(`${url}: ${name} cannot be fetched (${statusCode}); it is tried again.`)
    }
    const start = statusCode === 206 ? heldBytes : 0
    const file = createWriteStream(path, { flags: start > 0 ? 'a' : 'w', flush: true })
    await pipeline(response, bounded(sizeBytes - start), file, { signal }).catch((cause: Error) => {
      throw new SnapshotFetchError(`${url}: ${name} broke off (${cause.message}); it is gone on with.`, { cause })
    })
  }
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  if (hash.digest('hex') === sha256) return
  await rm(path)
  throw new SnapshotFetchError(
    `${url}: ${name} is not what its checksum says, and is not served. Publish the snapshot again, or see to the ` +
      'publisher’s disk and what lies between.',
  )
}

async function removeOld(directory: string, snapshot: number): Promise<void> {
  const last = new Set((await servedHistory(directory)).slice(-kept).map((entry) => entry.snapshot))
  for (const path of await listSnapshots(directory)) {
    const number = snapshotNumber(path)
    if (number !== snapshot && !last.has(number)) await rm(path, { recursive: true, force: true })
  }
}

function get(source: Source, path: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  const { url, token, ca, signal } = source
  const target = new URL(path, url)
  const send = target.protocol === 'https:' ? tlsRequest : plainRequest
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new Promise((resolve, reject) => {
    const options = { headers: { ...headers, ...authorization }, signal, ...(ca !== undefined && { ca }) }
    const request = send(target, options, resolve)
    request.setTimeout(silenceMs, () => request.destroy(new Error(`it was silent for ${silenceMs} ms`)))
    request.on('error', (cause) =>
      reject(new SnapshotFetchError(`${url} does not answer (${cause.message}); it is asked again.`, { cause })),
    )
    request.end()
  })
}

async function textOf(response: IncomingMessage, url: string): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response as AsyncIterable<string>) {
    text += chunk
    if (text.length > maxIndexLength)
      throw new SnapshotFetchError(`${url} answers more than ${maxIndexLength} characters.`)
  }
  return text
}

/** Passes so many bytes, and fails where there are more or fewer. */
function bounded(sizeBytes: number) {
  return async function* (source: AsyncIterable<Buffer>) {
    let left = sizeBytes
    for await (const chunk of source) {
      left -= chunk.length
      if (left < 0) throw new Error('it is longer than it should be')
      yield chunk
    }
    if (left > 0) throw new Error(`${left} bytes are missing`)
  }
}
