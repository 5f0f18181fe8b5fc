/** What a server holds for each tenant: its part of the store, its logs, and a pooling over them that is refreshed. */
import type { FeatureSpace } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'
import type { RefreshMonitor } from '@headwater/service'
import type { EmbeddingStore } from '@headwater/store'
import { servingPolicy } from '../../arguments/pooling-options.ts'
import type { ServeCluster } from './cluster.ts'
import { openTenantLogs, type TenantLogs } from './logs.ts'
import type { ServeModel } from './models.ts'
import type { ServeOptions } from './options.ts'

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
  readonly models: ReadonlyMap<string, ServeModel>
  /** Of the models' snapshots, by name of the model. */
  readonly directories: ReadonlyMap<string, string>
  readonly refreshes: RefreshMonitor
  /** Null: refreshes wait in this process alone. */
  readonly cluster: ServeCluster | null
  readonly onError: (error: unknown) => void
}

/** Users whose refreshes are computed together, at most: a size that towers are recorded for, as more would run in the next. */
const batchRows = 128

/**
 * Opens all tenants; nothing is refreshed before `startTenants`.
 * @param closers gets the end of each part as it is opened
 */
export async function openTenants(
  { options, names, store, space, models, directories, refreshes, cluster, onError }: ServeTenantsOptions,
  closers: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ServeTenant>> {
  const [{ createPooling }, { createRowWorkers }, { panelHolder }] = await Promise.all([
    import('@headwater/pooling'),
    import('@headwater/features/workers'),
    import('@headwater/encoder'),
  ])
  // Rows are made off the thread that answers reads, and where nothing is encoded not at all.
  const rowEncoder =
    options.role === 'read'
      ? null
      : createRowWorkers({
          schema: space.schema,
          workers: 1,
          batchRows,
          // In synchronous mode each model's are made beside the others'.
          maxCalls: 4 * names.length * models.size,
          isIdle: options.encoderIdle === true,
          cpus: options.encoderCpus,
        })
  if (rowEncoder !== null) closers.push(() => rowEncoder.close())
  const { segmentField, mode, refreshOn, deadline: deadlineMs, maxQueue, maxAge, timeToLive } = options
  const policy = {
    ...servingPolicy(options),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
    ...(timeToLive !== undefined && { timeToLiveMs: timeToLive }),
  }
  const poolingModels = [...models].map(([name, { dim }]) => ({
    name,
    dim,
    policy,
    ...(segmentField !== undefined && { segmentField }),
  }))
  const panels = [...new Set(directories.values())].map(panelHolder)
  const tenants = new Map<string, ServeTenant>()
  for (const name of names) {
    const own = store.forTenant(name)
    const logged = { tenant: name, store: own, schema: space.schema, models: [...models.keys()] }
    const logs = await openTenantLogs(options, logged, closers, onError)
    const pooling = createPooling({
      store: own,
      tenant: name,
      space,
      models: poolingModels,
      clock: cluster?.node.clock ?? Date,
      mode,
      deadlineMs,
      refreshOn,
      refreshDelayMs: 0,
      batchSize: batchRows,
      ...(rowEncoder && { rowEncoder }),
      maxQueue,
      ...(cluster && { refreshElsewhere: cluster.node.offersOf(name) }),
      observer: refreshes.observer(name),
      ...(logs.events && { eventLog: logs.events }),
      ...(logs.served && { onServed: (served, request) => logs.served!.record(served, request) }),
    })
    closers.push(() => pooling.close())
    for (const holder of cluster === null ? panels : [...panels, cluster.node.holder]) own.addForgetHolder(holder)
    tenants.set(name, { store: own, pooling, logs })
  }
  return tenants
}

/** Puts the models to use in all tenants' poolings, and has them refreshed. */
export async function startTenants(
  tenants: ReadonlyMap<string, ServeTenant>,
  models: ReadonlyMap<string, ServeModel>,
  closers: (() => Promise<void>)[],
  onError: (error: unknown) => void,
  cluster: ServeCluster | null,
): Promise<void> {
  const { startRefreshing } = await import('@headwater/pooling')
  const poolings = [...tenants.values()].map(({ pooling }) => pooling)
  for (const { followed } of models.values()) {
    if (followed === null) continue
    await followed.publishTo(poolings)
    closers.push(() => followed.stop())
  }
  if (cluster !== null) {
    closers.push(() => cluster.close())
    await cluster.start(new Map([...tenants].map(([name, { pooling }]) => [name, pooling])))
    return
  }
  const refreshers = poolings.map((pooling) => startRefreshing(pooling, { onError }))
  closers.push(async () => {
    await Promise.all(refreshers.map((refresher) => refresher.stop()))
  })
}
