/** A reader of the capacity bench in a process of its own: the service over a Valkey store. */
import type { AddressInfo } from 'node:net'
import { compileFeatures } from '@headwater/features'
import { createPooling, startRefreshing } from '@headwater/pooling'
import { createServer } from '@headwater/service'
import { openStore } from '@headwater/store'
import { answer } from './pinned-process.ts'

export interface CapacityServerSettings {
  readonly store: string
  readonly models: readonly { readonly name: string; readonly dim: number; readonly ring: number }[]
  /** Whether users are refreshed when events come, by a tower that costs nothing. */
  readonly refreshes: boolean
}

export interface CapacityServerFigures {
  readonly port: number
  /** Since the last question. */
  readonly cpuUs: number
  readonly refreshed: number
}

const { store: url, models, refreshes } = JSON.parse(process.argv[2]) as CapacityServerSettings
const store = await openStore(url)
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
const pooling = createPooling({
  store,
  space,
  models: models.map(({ name, dim, ring }) => ({
    ...{ name, dim, defaultVector: new Float32Array(dim) },
    policy: { count: ring, slots: ring, slot: 'snapshot' as const },
  })),
  clock: Date,
  mode: refreshes ? 'asynchronous' : 'stored',
  refreshDelayMs: 0,
})
if (refreshes) {
  for (const { name, dim } of models) {
    const encode = async ({ rows }: { readonly rows: number }) => new Float32Array(rows * dim).fill(0.5)
    await pooling.publish(name, { snapshot: 9, frame: 1, dataCutoffMs: 0, dim, encode })
  }
}
const refresher = refreshes ? startRefreshing(pooling) : null
const server = createServer({
  tenants: new Map([['default', { store, pooling }]]),
  space,
  models,
  auth: 'loopback',
  onError: (error) => console.error(error),
})
await server.listen({ host: '127.0.0.1', port: 0 })
const { port } = server.server.address() as AddressInfo
let cpu = process.cpuUsage()
let refreshedBefore = 0
answer(
  (): CapacityServerFigures => {
    const { user, system } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const refreshed = pooling.counters.refreshes - refreshedBefore
    refreshedBefore = pooling.counters.refreshes
    return { port, cpuUs: user + system, refreshed }
  },
  async () => {
    await server.close()
    await refresher?.stop()
    await pooling.close()
    await store.close()
  },
)
