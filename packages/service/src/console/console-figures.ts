/** What the console shows of a tenant, and of the service where its caller may see that. */
import type { Principal } from '../access/tokens.ts'
import type { Figures } from '../figures/figures.ts'
import { oldestSeconds } from '../metrics/pooling-figures.ts'
import type { SharedQueueView } from '../options/shared-queue-view.ts'
import type { ServerParts } from '../parts/server-parts.ts'
import type { ConsoleData, Figure } from './console-messages.ts'
import type { ConsoleWatch } from './console-watch.ts'

/** The times up to which a caller has the histories already. */
export interface Since {
  readonly recentMs: number
  readonly dayMs: number
}

const startedMs = Math.round(performance.timeOrigin)

export function consoleData(
  { tenants, models, metrics, encoder, sharedQueues }: ServerParts,
  watch: ConsoleWatch,
  { name, tenant, scopes }: Principal,
  since: Since,
): ConsoleData {
  const { pooling } = tenants.get(tenant)!
  const history = watch.of(tenant)
  const status = encoder?.()
  const seesAll = tenants.size === 1 || scopes.includes('metrics')
  return {
    nowMs: Date.now(),
    startedMs,
    caller: { name, tenant, scopes },
    models: models.map(({ name: model, dim, control }) => {
      const { snapshot = null, frame = null, dataCutoffMs = null } = pooling.latest(model) ?? {}
      return { model, dim, snapshot, frame, dataCutoffMs, isManaged: control !== undefined }
    }),
    totals: { ...pooling.counters },
    queue: { users: pooling.waiting, due: pooling.due, oldestSeconds: oldestSeconds(pooling) },
    sharedQueues: sharedQueues === undefined ? null : queuesOf(sharedQueues(), tenant),
    staleness: history.staleness(),
    recent: history.recent.after(since.recentMs),
    day: history.day.after(since.dayMs),
    encoder: status === undefined ? null : { state: status.state, restarts: status.restarts },
    service: seesAll ? figuresOf(metrics.figures) : null,
  }
}

function queuesOf(queues: readonly SharedQueueView[], tenant: string): ConsoleData['sharedQueues'] {
  return queues
    .filter((queue) => queue.tenant === tenant)
    .map(({ model, seenMs, waiting, taken, dead, sums: { shed }, buried }) => ({
      model,
      agoMs: Math.round(performance.now() - seenMs),
      ...{ waiting, taken, dead, sums: { shed }, buried: { ...buried } },
    }))
}

/** Longest list of figures: labels are few, but others may add to them. */
const maxFigures = 200

/** The project's own counters and gauges. */
function figuresOf(figures: Figures): readonly Figure[] {
  return [...figures.values()]
    .filter(({ name, value }) => name.startsWith('headwater_') && Number.isFinite(value))
    .slice(0, maxFigures)
}
