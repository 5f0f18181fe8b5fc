/** What a server holds for each tenant: its part of the store, its logs, and a pooling over them that is refreshed. */
import type { ItemSource } from '@headwater/client/schemas'
import type { FeatureSpace } from '@headwater/features'
import type { Pooling } from '@headwater/pooling'
import type { RefreshMonitor } from '@headwater/service'
import type { EmbeddingStore, Sweeper } from '@headwater/store'
import { servingPolicy } from '../../arguments/pooling-options.ts'
import type { ServeCluster } from './cluster.ts'
import { openTenantLogs, type TenantLogs } from './logs.ts'
import type { ServeModel } from './models.ts'
import type { Serving } from './report.ts'

export interface ServeTenant {
  readonly store: EmbeddingStore
  readonly pooling: Pooling
  readonly logs: TenantLogs
}

/** What tenants have in common. */
interface ServeTenantsOptions {
  readonly names: readonly string[]
  readonly store: EmbeddingStore
  readonly space: FeatureSpace
  readonly models: ReadonlyMap<string, ServeModel>
  /** Of the models' snapshots, by name of the model. */
  readonly directories: ReadonlyMap<string, string>
  /** Of their item vectors, likewise. */
  readonly items: ReadonlyMap<string, ItemSource>
  readonly refreshes: RefreshMonitor
  /** Null: refreshes wait in this process alone. */
  readonly cluster: ServeCluster | null
}

/** Users whose refreshes are computed together, at most: a size that towers are recorded for, as more would run in the next. */
const batchRows = 128

/** Opens all tenants; nothing is refreshed before `startTenants`. */
export async function openTenants(
  serving: Serving,
  { names, store, space, models, directories, items, refreshes, cluster }: ServeTenantsOptions,
): Promise<ReadonlyMap<string, ServeTenant>> {
  const { options, closers } = serving
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
    const logs = await openTenantLogs(serving, name, own, space.schema, items)
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
  { closers, warn: onError }: Serving,
  tenants: ReadonlyMap<string, ServeTenant>,
  models: ReadonlyMap<string, ServeModel>,
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
    await cluster.start(new Map([...tenants].map(([name, { pooling }]) => [name, pooling])))
    return
  }
  const refreshers = poolings.map((pooling) => startRefreshing(pooling, { onError }))
  closers.push(async () => void (await Promise.all(refreshers.map((refresher) => refresher.stop()))))
}

/**
 * Removes tombstones past their retention, and with `--time-to-live` embeddings that are no longer served, beside the reads. A
 * server with `--role read` leaves this to the workers.
 */
export async function sweepTenants(
  { options: { timeToLive, role }, closers, warn: onError }: Serving,
  tenants: ReadonlyMap<string, ServeTenant>,
  models: Iterable<string>,
  cluster: ServeCluster | null,
): Promise<readonly Sweeper[]> {
  if (role === 'read') return []
  const { startSweeping } = await import('@headwater/store')
  const clock = cluster?.node.clock ?? Date
  const expiring = timeToLive === undefined ? [] : [...models].map((model) => ({ model, timeToLiveMs: timeToLive }))
  const sweepers = [...tenants.values()].map(({ store }) => startSweeping(store, { models: expiring, clock, onError }))
  closers.push(async () => void (await Promise.all(sweepers.map((sweeper) => sweeper.stop()))))
  return sweepers
}
