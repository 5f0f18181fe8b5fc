/** What a server holds for each tenant: its part of the store, its logs, and a pooling over them that is refreshed. */
import type { FeatureSpace } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'
import type { FollowedModel } from '@headwater/pooling/encoder'
import type { RefreshMonitor } from '@headwater/pooling/http'
import type { EmbeddingStore } from '@headwater/store'
import { openTenantLogs, type TenantLogs } from './serve-logs.ts'
import type { ServeOptions } from './serve-options.ts'
import { servingPolicy } from './serving-policy.ts'

export interface ServeTenant {
  readonly store: EmbeddingStore
  readonly pooling: Pooling
  readonly logs: TenantLogs
}

export interface ServeTenantsOptions {
  readonly options: ServeOptions
  readonly names: readonly string[]
  readonly store: EmbeddingStore
  readonly space: FeatureSpace
  readonly models: ReadonlyMap<string, FollowedModel>
  readonly refreshes: RefreshMonitor
  readonly onError: (error: unknown) => void
}

/** Users whose refreshes are computed together, at most. */
const batchRows = 256

/**
 * Opens all tenants; nothing is refreshed before `startTenants`.
 * @param closers gets the end of each part as it is opened
 */
export async function openTenants(
  { options, names, store, space, models, refreshes, onError }: ServeTenantsOptions,
  closers: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ServeTenant>> {
  const [{ createPooling }, { createRowWorkers }] = await Promise.all([
    import('@headwater/pooling'),
    import('@headwater/features/workers'),
  ])
  // Rows are made off the thread that answers reads.
  const rowEncoder = createRowWorkers({ schema: space.schema, workers: 1, batchRows, maxCalls: 4 * names.length })
  closers.push(() => rowEncoder.close())
  const policy = { ...servingPolicy, ...(options.maxAge !== undefined && { maxAgeMs: options.maxAge }) }
  const { segmentField, mode, refreshOn, deadline: deadlineMs } = options
  const poolingModels = [...models].map(([name, { served }]) => ({
    name,
    dim: served.dim,
    policy,
    ...(segmentField !== undefined && { segmentField }),
  }))
  const tenants = new Map<string, ServeTenant>()
  for (const name of names) {
    const own = store.forTenant(name)
    const logs = await openTenantLogs(options, name, space.schema, own, closers, onError)
    const pooling = createPooling({
      store: own,
      tenant: name,
      space,
      models: poolingModels,
      clock: Date,
      mode,
      deadlineMs,
      refreshOn,
      refreshDelayMs: 0,
      batchSize: batchRows,
      rowEncoder,
      observer: refreshes.observer(name),
      ...(logs.events && { eventLog: logs.events }),
      ...(logs.served && { onServed: (served, request) => logs.served!.record(served, request) }),
    })
    closers.push(() => pooling.close())
    tenants.set(name, { store: own, pooling, logs })
  }
  return tenants
}

/** Puts the models to use in all tenants' poolings, and has them refreshed. */
export async function startTenants(
  tenants: ReadonlyMap<string, ServeTenant>,
  models: ReadonlyMap<string, FollowedModel>,
  closers: (() => Promise<void>)[],
  onError: (error: unknown) => void,
): Promise<void> {
  const { startRefreshing } = await import('@headwater/pooling')
  const poolings = [...tenants.values()].map(({ pooling }) => pooling)
  for (const model of models.values()) {
    await model.publishTo(poolings)
    closers.push(() => model.stop())
  }
  const refreshers = poolings.map((pooling) => startRefreshing(pooling, { onError }))
  closers.push(async () => {
    await Promise.all(refreshers.map((refresher) => refresher.stop()))
  })
}
