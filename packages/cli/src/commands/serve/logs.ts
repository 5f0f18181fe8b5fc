/** Logs of a server: a directory each, with one inside for each tenant. */
import { join } from 'node:path'
import type { ItemSource } from '@headwater/client/schemas'
import type { Schema } from '@headwater/features'
import type { LineLogOptions, OpenEventLog, OpenOutcomeLog, ServedLog } from '@headwater/logs'
import type { EmbeddingStore } from '@headwater/store'
import { userPath } from '../../files/paths.ts'
import type { Serving } from './report.ts'

export type TenantLogs = Awaited<ReturnType<typeof openTenantLogs>>

/** A tenant may have any name; a directory may not. */
const directoryOf = (tenant: string) => encodeURIComponent(tenant).replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length))

/**
 * Opens the logs that the options name, for one tenant; what the tenant's store forgets, they forget too.
 * @param models names of those that are served, and where their item vectors come from
 * @throws LogDirectoryError
 */
export async function openTenantLogs(
  { options, closers, warn: onError }: Serving,
  tenant: string,
  store: EmbeddingStore,
  schema: Schema,
  models: ReadonlyMap<string, ItemSource>,
) {
  const { servedLog, servedLogLatest, vectorType, eventLog, outcomeLog, rotate: maxAgeMs, keepFiles } = options
  const open = async <Log extends ServedLog | OpenEventLog | OpenOutcomeLog>(
    directory: string | undefined,
    opening: (library: typeof import('@headwater/logs'), about: LineLogOptions) => Promise<Log>,
  ): Promise<Log | null> => {
    if (directory === undefined) return null
    const at = join(userPath(directory), directoryOf(tenant))
    const log = await opening(await import('@headwater/logs'), { directory: at, tenant, maxAgeMs, keepFiles, onError })
    closers.push(() => log.close())
    store.addForgetHolder(log.holder)
    return log
  }
  return {
    served: await open(servedLog, ({ openServedLog }, about) =>
      openServedLog({
        ...about,
        vectorType,
        ...(servedLogLatest && { latest: [...models.keys()] }),
        items: async (model, snapshot) => (await models.get(model)?.open(snapshot))?.archive() ?? null,
      }),
    ),
    events: await open(eventLog, ({ openEventLog }, about) => openEventLog({ ...about, schema })),
    outcomes: await open(outcomeLog, ({ openOutcomeLog }, about) => openOutcomeLog(about)),
  }
}

/** Counters of the open logs by kind, a log a tenant, as the service's metrics take them. */
export function logCounters(tenants: ReadonlyMap<string, { readonly logs: TenantLogs }>) {
  const logs = [...tenants.values()].map((tenant) => tenant.logs)
  const counters = (kind: keyof TenantLogs) => () => logs.flatMap((each) => each[kind]?.counters ?? [])
  return { served: counters('served'), events: counters('events'), outcomes: counters('outcomes') }
}
