import { createHash } from 'node:crypto'
import { createPooling, type Encoder, startRefreshing } from '@headwater/pooling'
import { openLmdb } from '@headwater/pooling/testing/lmdb-stores'
import { encoderOf, model, space } from '@headwater/pooling/testing/towers'
import type { EmbeddingStore } from '@headwater/store'
import { createServer, parseTokens, type ServerLimits, type ServerOptions } from '../src/index.ts'

export const tokenOf = {
  reader: 'reader-token',
  writer: 'writer-token',
  boss: 'boss-token',
  other: 'other-token',
} as const

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')

export const tokens = parseTokens(
  JSON.stringify({
    tokens: [
      { name: 'reader', sha256: sha256(tokenOf.reader), tenant: 'default', scopes: ['read'] },
      { name: 'writer', sha256: sha256(tokenOf.writer), tenant: 'default', scopes: ['read', 'write'] },
      { name: 'boss', sha256: sha256(tokenOf.boss), tenant: 'default', scopes: ['read', 'write', 'admin', 'metrics'] },
      { name: 'other', sha256: sha256(tokenOf.other), tenant: 'other', scopes: ['read', 'write', 'admin'] },
    ],
  }),
  'tokens.json',
)

/** For a service that shares its event loop with its callers, and ends as soon as a test has. */
export const testLimits = { targetDelayMs: 60_000, drainMs: 1 } as const

export interface ServiceOptions {
  readonly auth?: 'loopback'
  readonly limits?: Partial<ServerLimits>
  readonly encoder?: Encoder
  /** Puts something between server and store. */
  readonly around?: (store: EmbeddingStore) => EmbeddingStore
  readonly onError?: (error: unknown) => void
  /** What the server is given besides. */
  readonly server?: Partial<ServerOptions>
}

/** A server over LMDB with two tenants, whose refreshes land at once. Start it with `listen`. */
export async function openService({
  auth,
  limits = {},
  encoder = encoderOf(3),
  around,
  onError,
  server: more,
}: ServiceOptions = {}) {
  const base = await openLmdb()
  const named = new Map([
    ['default', base],
    ['other', base.forTenant('other')],
  ])
  const refreshers: ReturnType<typeof startRefreshing>[] = []
  const tenants = new Map<string, { store: EmbeddingStore; pooling: ReturnType<typeof createPooling> }>()
  for (const [name, own] of named) {
    const store = around?.(own) ?? own
    const pooling = createPooling({ store, space, models: [model], clock: Date, refreshDelayMs: 0 })
    await pooling.publish('m', encoder)
    refreshers.push(startRefreshing(pooling))
    tenants.set(name, { store, pooling })
  }
  const server = createServer({
    tenants,
    space,
    models: [model],
    auth: auth ?? tokens,
    limits: { ...testLimits, ...limits },
    ...(onError !== undefined && { onError }),
    ...more,
  })
  return {
    server,
    tenants,
    pooling: tenants.get('default')!.pooling,
    listen: () => server.listen({ host: '127.0.0.1', port: 0 }),
    close: async () => {
      await server.close()
      for (const refresher of refreshers) await refresher.stop()
      for (const { pooling } of tenants.values()) await pooling.close()
      await base.close()
    },
  }
}
