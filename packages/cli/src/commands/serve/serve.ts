import type { AddressInfo } from 'node:net'
import type { Command } from '@commander-js/extra-typings'
import type { EncoderProcess } from '@headwater/encoder'
import type { EncoderStatus } from '@headwater/pooling'
import type { Probes } from '@headwater/service'
import type { Logger } from 'pino'
import { userUrl } from '../../arguments/store-url.ts'
import { nextStep } from '../../terminal/next-step.ts'
import { stopSignal } from '../../terminal/stop-signal.ts'
import { addressOf, plaintextWarning } from './address.ts'
import { backfillTenants, checkBackfill } from './backfill.ts'
import { checkRole, joinServeCluster } from './cluster.ts'
import { startServeEncoder } from './encoder.ts'
import { limitsIn } from './limits.ts'
import { logCounters } from './logs.ts'
import { isPublisher, mirrorModels } from './mirrors.ts'
import { loadServeModels, readServeModels } from './models.ts'
import { authOf, declareServe, modelDirectories, type ServeOptions, tlsOf } from './options.ts'
import { type Serving, serveReport } from './report.ts'
import { ingestCommand, type SampleEvent, sampleEvent } from './sample-event.ts'
import { openTenants, startTenants, sweepTenants } from './tenants.ts'

export const registerServe = (program: Command) => declareServe(program).action(serve)

async function serve(options: ServeOptions): Promise<void> {
  await serveWhile(options, async ({ stopped }) => stopped)
}

/** A server that listens. */
export interface Listening {
  readonly url: string
  /** Of whom a caller may ask, and what it may tell of them; null where the store is empty, or not everybody may ask. */
  readonly sample: SampleEvent | null
  /** Resolves once the server is asked to stop. */
  readonly stopped: Promise<void>
}

/** Serves while something else goes on; ends without it where the server is stopped before it listens. */
export async function serveWhile(
  options: ServeOptions,
  whileListening: (listening: Listening) => Promise<void>,
): Promise<void> {
  const stopped = stopSignal()
  const abort = new AbortController()
  stopped.signal.then(() => abort.abort())
  const report = await serveReport(options.logLevel)
  // What was opened is closed in the opposite order, also where a later step fails.
  const closers: Serving['closers'] = []
  try {
    const listening = await start({ options, closers, stopped: abort.signal, ...report }, report.logger)
    if (listening !== null) await whileListening({ ...listening, stopped: stopped.signal })
  } finally {
    for (const close of closers.reverse()) await close()
    report.close()
    stopped.ignore()
  }
}

/** @returns null where it was stopped on the way */
async function start(serving: Serving, logger: Logger | null): Promise<Pick<Listening, 'url' | 'sample'> | null> {
  const { options, closers, say, warn } = serving
  checkRole(options)
  checkBackfill(options)
  const [{ compileFeatures }, { openStore }, http, { registerClusterMetrics }, { itemTables }] = await Promise.all([
    import('@headwater/features'),
    import('@headwater/store'),
    import('@headwater/service'),
    import('@headwater/cluster'),
    import('@headwater/encoder'),
  ])
  let started: EncoderProcess | null = null
  const probes = await answerProbes(serving, () => started?.status())
  const sources = modelDirectories(options)
  const tls = tlsOf(options)
  const auth = await authOf(options, ', so that not everyone can ask.')
  if (options.traces !== undefined) {
    const { startTracing } = await import('./tracing.ts')
    closers.push(startTracing(options.traces))
  }
  const directories = await mirrorModels(serving, sources)
  const encoder = options.role === 'read' ? null : await startServeEncoder(serving)
  started = encoder
  const names = auth === 'loopback' ? ['default'] : auth.tenants
  const status = encoder && (() => encoder.status())
  const cluster = await joinServeCluster(serving, names, [...directories.keys()], status)
  const models =
    encoder === null
      ? await readServeModels(directories, warn)
      : await loadServeModels(serving, directories, encoder, cluster)
  const store = await openStore(userUrl(options.store))
  closers.push(() => store.close())
  const [{ schema }] = models.values()
  const space = compileFeatures(schema)
  const refreshes = new http.RefreshMonitor()
  const items = new Map(
    [...models].map(([name, { followed }]) => {
      const served = followed && { served: () => followed.served.snapshot }
      return [name, itemTables({ directory: directories.get(name)!, ...served })]
    }),
  )
  const tenants = await openTenants(serving, { names, store, space, models, directories, items, refreshes, cluster })
  await startTenants(serving, tenants, models, cluster)
  if (options.backfill !== undefined && !(await backfillTenants(serving, tenants, models, space))) return null
  const sweepers = await sweepTenants(serving, tenants, models.keys(), cluster)
  const server = http.createServer({
    tenants,
    space,
    models: [...models].map(([name, { dim, followed }]) => ({
      name,
      dim,
      // A publisher's choice is changed at the publisher.
      items: items.get(name)!,
      ...(followed !== null && !isPublisher(sources.get(name)!) && { control: followed }),
    })),
    auth,
    limits: limitsIn(options),
    ...(status && { encoder: status }),
    ...(options.role === 'refresh' && { scopes: ['admin', 'metrics'] as const }),
    refreshes,
    ...(cluster !== null && { sharedQueues: () => cluster.node.queues }),
    ...(options.outcomeLog !== undefined && { outcomes: (tenant: string) => tenants.get(tenant)!.logs.outcomes! }),
    alsoMetrics: (figures) => {
      http.registerLogMetrics(figures, logCounters(tenants))
      http.registerSweepMetrics(figures, sweepers)
      if (cluster !== null) registerClusterMetrics(figures, cluster.node)
    },
    ...(tls && { tls }),
    // With a log, failures are in the lines of their requests.
    ...(logger === null ? { onError: warn } : { logger }),
  })
  closers.push(() => server.close())
  await probes?.serve(server)
  await server.listen({ host: options.host, port: options.port })
  const address = addressOf(server.server.address() as AddressInfo, tls !== undefined)
  const what = [...models]
    .map(([name, { followed }]) =>
      followed === null ? `what workers make of "${name}"` : `snapshot ${followed.served.snapshot} as "${name}"`,
    )
    .join(' and ')
  const who = auth === 'loopback' ? 'this machine alone, without tokens' : `tenants ${auth.tenants.join(', ')}`
  say(`Serving ${what} on ${address}, for ${who}.`)
  const warning = await plaintextWarning(options.host, address, tls !== undefined)
  if (warning !== null) warn(warning)
  const [{ followed }] = models.values()
  const sample = auth === 'loopback' && followed !== null ? await sampleEvent(options, store, space) : null
  if (sample !== null && followed !== null) {
    const hint = nextStep(ingestCommand(sample, followed.served.directory, address), 'from another terminal')
    if (hint !== '') say(hint.trimEnd())
  }
  return { url: address, sample }
}

/** From here on, whatever has to be read, loaded and compiled before the service listens. @returns null without `--health-port` */
async function answerProbes(
  { options: { host, healthPort: port }, closers, say }: Serving,
  encoder: () => EncoderStatus | undefined,
): Promise<Probes | null> {
  if (port === undefined) return null
  const { listenForProbes } = await import('@headwater/service')
  const probes = await listenForProbes({ host, port, encoder })
  closers.push(() => probes.close())
  say(`Answering probes on ${addressOf(probes.address, false)}.`)
  return probes
}
