import type { ShadowReport, SnapshotInfo } from '@headwater/client'
import { compileFeatures } from '@headwater/features'
import {
  createPooling,
  type Encoder,
  type EncoderStatus,
  type Outcome,
  type PoolingOptions,
  SnapshotRefusedError,
  startRefreshing,
  UnknownSnapshotError,
} from '@headwater/pooling'
import { encoderOf, model, startMs } from '@headwater/pooling/testing/towers'
import { openStore } from '@headwater/store'
import pino from 'pino'
import { afterEach } from 'vitest'
import { createServer, type LogCounters, RefreshMonitor, registerLogMetrics, type ServerOptions } from '../src/index.ts'
import { testLimits, tokenOf, tokens } from './http-service.ts'

/** As that of the towers, and a field that describes users. */
const space = compileFeatures({
  version: 1,
  name: 'observed',
  user: 'user',
  item: 'item',
  time: { column: 'time', unit: 'ms' },
  fields: [
    { name: 'rating', of: 'outcome', type: 'float' },
    { name: 'country', of: 'user', type: 'id' },
    { name: 'taste', of: 'user', type: 'vector', size: 2 },
  ],
  tasks: [{ name: 'good', field: 'rating', atLeast: 8 }],
  aggregations: [{ name: 'count', of: 'user', kind: 'count' }],
  sequence: { length: 3, value: 'rating', buckets: 64 },
})

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Snapshots 3 and 4 of a model, and 5, which the gate holds. */
class TwoSnapshots {
  served = 3
  report: ShadowReport | null = null
  compared: SnapshotInfo['drift'] = null
  /** Asked for so far. */
  promotions = 0
  letGo = () => {}
  #held: Promise<void> = Promise.resolve()
  readonly #publish: (snapshot: number) => Promise<void>

  constructor(publish: (snapshot: number) => Promise<void>) {
    this.#publish = publish
  }

  async snapshots(): Promise<readonly SnapshotInfo[]> {
    return [3, 4, 5].map((snapshot) => {
      const state = snapshot === this.served ? 'served' : snapshot === 5 ? 'held' : 'available'
      return { snapshot, state, frame: 0, dataCutoffMs: startMs, publishedMs: null, drift: this.compared }
    })
  }

  /** Snapshots take until `letGo` to load. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.letGo = resolve
    })
  }

  async promote(snapshot: number): Promise<void> {
    this.promotions++
    await this.#held
    if (snapshot > 5) throw new UnknownSnapshotError(`no snapshot ${snapshot}; there are 3 to 5`)
    if (snapshot === 5) throw new SnapshotRefusedError('snapshot 5 is held by the gate; release it first')
    await this.#publish(snapshot)
    this.served = snapshot
  }

  async rollback(): Promise<number> {
    if (this.served === 3) throw new SnapshotRefusedError('no snapshot was served before 3')
    await this.promote(3)
    return 3
  }

  shadow(): ShadowReport | null {
    return this.report
  }

  drift(): SnapshotInfo['drift'] {
    return this.compared
  }
}

/**
 * A service that listens, with all that watches it: figures, spans, log, encoder's state, logs, snapshots.
 *
 * @param name of the model
 */
export async function observeService(
  options: Partial<ServerOptions> = {},
  pooled: Partial<PoolingOptions> = {},
  level = 'debug',
  name = 'm',
) {
  const base = await openStore('memory:')
  closers.push(() => base.close())
  const refreshes = new RefreshMonitor()
  const serve = (tenant: string) => {
    const store = base.forTenant(tenant)
    const observer = refreshes.observer(tenant)
    const pooling = createPooling({
      store,
      space,
      models: [{ ...model, name }],
      clock: Date,
      refreshDelayMs: 0,
      observer,
      ...pooled,
    })
    return [tenant, { store, pooling }] as const
  }
  const tenants = new Map(['default', 'other'].map(serve))
  const publish = async (encoder: Encoder) => {
    for (const { pooling } of tenants.values()) await pooling.publish(name, encoder)
  }
  await publish(encoderOf(3))
  for (const { pooling } of tenants.values()) {
    const refresher = startRefreshing(pooling)
    closers.push(async () => {
      await refresher.stop()
      await pooling.close()
    })
  }
  const encoder: { -readonly [K in keyof EncoderStatus]: EncoderStatus[K] } = {
    state: 'ready',
    restarts: 0,
    pid: 1,
    lastError: null,
    compiling: null,
  }
  const outcomes = new Map<string, Outcome[]>()
  const control = new TwoSnapshots((snapshot) => publish(encoderOf(snapshot)))
  const served: { -readonly [K in keyof LogCounters]: LogCounters[K] } = { rows: 0, files: 0, dropped: 0, lost: 0 }
  const lines: string[] = []
  const server = createServer({
    tenants,
    space,
    models: [{ ...model, name, control }],
    auth: tokens,
    limits: testLimits,
    refreshes,
    encoder: () => encoder,
    outcomes: (tenant) => ({
      append: async (more) => void outcomes.set(tenant, [...(outcomes.get(tenant) ?? []), ...more]),
    }),
    logger: pino({ level }, { write: (line: string) => void lines.push(line) }),
    alsoMetrics: (figures) => registerLogMetrics(figures, { served: () => [served] }),
    ...options,
  })
  closers.push(() => server.close())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })

  /** A JSON request. */
  const ask = async (method: string, path: string, body?: unknown, token: string = tokenOf.boss, more = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...more }
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any kind
    return { status: response.status, body: (await response.json()) as any }
  }
  return {
    url,
    server,
    tenants,
    pooling: tenants.get('default')!.pooling,
    encoder,
    outcomes,
    control,
    served,
    lines,
    ask,
  }
}

/** Resolves once something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
}
