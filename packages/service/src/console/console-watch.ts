/** All that the console keeps: tenants' histories and panels. Two timers keep them up, whether or not anybody looks. */
import type { FastifyInstance } from 'fastify'
import type { ServerParts } from '../parts/server-parts.ts'
import type { DriftMap } from './console-messages.ts'
import { Panel } from './panel.ts'
import { recentStepMs, TenantWatch } from './tenant-watch.ts'

/** A panel is read this often, and where somebody looks at its map. */
const panelStepMs = 30_000

interface Watched {
  readonly watch: TenantWatch
  readonly panel: Panel
}

export class ConsoleWatch {
  readonly #tenants: ReadonlyMap<string, Watched>
  readonly #onError: (error: unknown) => void

  constructor(server: FastifyInstance, { tenants, models, refreshes, sharedQueues, onError = () => {} }: ServerParts) {
    this.#onError = onError
    const names = models.map(({ name }) => name)
    this.#tenants = new Map(
      [...tenants].map(([tenant, { pooling, reads }]) => {
        const freshness = refreshes?.freshnessOf(tenant) ?? null
        const sharedWaiting =
          sharedQueues === undefined
            ? null
            : () => sharedQueues().reduce((sum, queue) => sum + (queue.tenant === tenant ? queue.waiting : 0), 0)
        const watch = new TenantWatch({ pooling, reads, freshness, sharedWaiting }, Date.now())
        return [tenant, { watch, panel: new Panel(reads.users, pooling, names) }]
      }),
    )
    const stops = [...tenants].map(([tenant, { store }]) =>
      store.addForgetHolder({
        where: 'console panel',
        forget: async (of, user) => {
          // A store that the server knows by another name may be this one.
          const count = of === tenant || !tenants.has(of) ? this.#tenants.get(tenant)!.panel.forget(user) : 0
          return count > 0 ? [{ what: 'embedding', count }] : []
        },
      }),
    )
    const timers: NodeJS.Timeout[] = []
    server.addHook('onListen', async () => {
      timers.push(setInterval(() => this.#step(), recentStepMs).unref())
      timers.push(setInterval(() => void this.#lookAtPanels(), panelStepMs).unref())
    })
    server.addHook('onClose', async () => {
      for (const timer of timers) clearInterval(timer)
      for (const stop of stops) stop()
    })
  }

  /** A tenant's history, up to date. */
  of(tenant: string): TenantWatch {
    const { watch } = this.#tenants.get(tenant)!
    watch.look(Date.now())
    return watch
  }

  /** Where a model's snapshots have moved a tenant's panel. @throws errors of the store */
  drift(tenant: string, model: string): Promise<DriftMap> {
    return this.#tenants.get(tenant)!.panel.drift(model)
  }

  #step(): void {
    const nowMs = Date.now()
    for (const { watch } of this.#tenants.values()) watch.look(nowMs)
  }

  async #lookAtPanels(): Promise<void> {
    // One after the other, so that reads come between them.
    for (const { panel } of this.#tenants.values()) {
      try {
        await panel.look()
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
