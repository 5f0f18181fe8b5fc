/** A server of the bench, in a process of its own: the service, or a bare node:http that answers the same bytes. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createBareServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileFeatures } from '@headwater/features'
import { openServedLog } from '@headwater/logs'
import { createPooling, type ServedBatch } from '@headwater/pooling'
import { createServer, parseTokens } from '@headwater/service'
import { seededRandom } from '@headwater/statistics'
import { type EmbeddingStore, openStore } from '@headwater/store'
import { answer } from './pinned-process.ts'
import { residentBytes } from './resident-memory.ts'

export interface ServiceSettings {
  readonly kind: 'service'
  /** `memory:` or `lmdb:PATH`. */
  readonly store: string
  readonly users: number
  /** Default 1. */
  readonly models?: number
  /** With tokens, limits and a served log; without, for this machine alone. */
  readonly isGuarded: boolean
}

export interface EchoSettings {
  readonly kind: 'echo'
  /** What it answers to every request once it has read its body. */
  readonly answer: Uint8Array
}

/** What the load is told to ask for. */
export const model = 'home'
export const modelNames = (count: number) =>
  Array.from({ length: count }, (_, m) => (m === 0 ? model : `${model}-${m}`))
export const dim = 192
export const token = 'a-token-of-the-bench'
export const keyOf = (user: number) => `user-${String(user).padStart(7, '0')}`

export interface Started {
  readonly port: number
}

/** Since the last question. */
export interface Used {
  /** Microseconds of processor time. */
  readonly cpuUs: number
  /** In memory now. */
  readonly residentBytes: number
}

if (process.send !== undefined) await serveParent()

async function serveParent(): Promise<void> {
  const settings = JSON.parse(process.argv[2]) as ServiceSettings | { readonly kind: 'echo' }
  let cpu = process.cpuUsage()
  let server: { readonly port: number; close(): Promise<void> } | null =
    settings.kind === 'service' ? await serve(settings) : null
  answer(
    async (question: { readonly answer?: Uint8Array }): Promise<Started & Used> => {
      if (question.answer !== undefined) server = await echo(question.answer)
      const { user, system } = process.cpuUsage(cpu)
      cpu = process.cpuUsage()
      return { port: server?.port ?? 0, cpuUs: user + system, residentBytes: residentBytes('self') }
    },
    () => server?.close(),
  )
}

async function echo(bytes: Uint8Array) {
  const server = createBareServer((request, response) => {
    const chunks: Uint8Array[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      Buffer.concat(chunks)
      response.writeHead(200, { 'content-type': 'application/msgpack', 'content-length': bytes.byteLength })
      response.end(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: async () => server.closeAllConnections() }
}

async function serve({ store: url, users, models: count = 1, isGuarded }: ServiceSettings) {
  const store = await openStore(url)
  const names = modelNames(count)
  for (const name of names) await fill(store, users, name)
  const space = compileFeatures({
    version: 1,
    name: 'bench',
    user: 'user',
    item: 'item',
    time: { column: 'time', unit: 'ms' },
    fields: [{ name: 'rating', of: 'outcome', type: 'float' }],
    tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
    aggregations: [{ name: 'count', of: 'user', kind: 'count' }],
  })
  const directory = mkdtempSync(join(tmpdir(), 'headwater-bench-served-'))
  const log = isGuarded ? await openServedLog({ directory, tenant: 'default' }) : null
  const pooling = createPooling({
    store,
    space,
    models: names.map((name) => ({ name, dim, policy: { count: 3, slot: 'snapshot' } })),
    clock: Date,
    ...(log !== null && { onServed: (served: ServedBatch, request?: string) => log.record(served, request) }),
  })
  const sha256 = createHash('sha256').update(token).digest('hex')
  const other = createHash('sha256').update('another').digest('hex')
  const tokens = parseTokens(
    JSON.stringify({
      tokens: [
        { name: 'bench', sha256, tenant: 'default', scopes: ['read'] },
        { name: 'other', sha256: other, tenant: 'default', scopes: ['read', 'write'] },
      ],
    }),
    'tokens of the bench',
  )
  const server = createServer({
    tenants: new Map([['default', { store, pooling }]]),
    space,
    models: names.map((name) => ({ name, dim })),
    auth: isGuarded ? tokens : 'loopback',
    limits: isGuarded ? { requestsPerSecond: 1_000_000 } : {},
    onError: (error) => console.error(error),
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    port: (server.server.address() as AddressInfo).port,
    close: async () => {
      await server.close()
      await pooling.close()
      await log?.close()
      rmSync(directory, { recursive: true, force: true })
      await store.close()
    },
  }
}

/** Three embeddings a user, as of the last three snapshots. */
async function fill(store: EmbeddingStore, users: number, model: string): Promise<void> {
  const random = seededRandom(1)
  const noise = Float32Array.from({ length: 100_003 }, () => random.nextNormal())
  for (let snapshot = 1; snapshot <= 3; snapshot++) {
    for (let start = 0; start < users; start += 1_000) {
      const keys = Array.from({ length: Math.min(1_000, users - start) }, (_, i) => keyOf(start + i))
      await store.append({
        model,
        dim,
        users: keys,
        vectors: Float32Array.from({ length: keys.length * dim }, (_, i) => noise[(i + start) % noise.length]),
        snapshot,
        frame: 1,
        featureTimeMs: new Float64Array(keys.length).fill(1_764_000_000_000 + snapshot),
        writtenMs: 1_764_000_000_100 + snapshot,
        policy: { slots: 3, count: 3, slot: 'snapshot' },
      })
    }
  }
  await store.flushed()
}
