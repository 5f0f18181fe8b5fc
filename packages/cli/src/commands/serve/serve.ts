import type { Tokens } from '@headwater/service'
import { type Command, Option } from 'commander'
import { durationMs } from '../../arguments/duration.ts'
import { addPoolingOptions } from '../../arguments/serving-policy.ts'
import { userUrl } from '../../arguments/store-url.ts'
import { wholeNumber } from '../../arguments/whole-number.ts'
import { stopSignal } from '../../terminal/stop-signal.ts'
import { checkRole, joinServeCluster } from './cluster.ts'
import { startServeEncoder } from './encoder.ts'
import { logCounters } from './logs.ts'
import { isPublisher, mirrorModels } from './mirrors.ts'
import { loadServeModels, readServeModels } from './models.ts'
import {
  modelArgument,
  modelDirectories,
  read,
  ServeError,
  type ServeOptions,
  shadowArgument,
  shareArgument,
  tlsOf,
  urlArgument,
} from './options.ts'
import { logLevels, type ServeReport, serveReport } from './report.ts'
import { startServeSweeping } from './sweeping.ts'
import { openTenants, startTenants } from './tenants.ts'

/** Adds `headwater serve`. */
export function registerServe(program: Command): void {
  addPoolingOptions(program.command('serve'))
    .description('serve embeddings over HTTP from a store, and refresh them through the snapshots that models serve')
    .requiredOption(
      '--model <[name=]dir|url>',
      "directory of a model's snapshots, or who publishes them: the one that is served is followed; again for another",
      modelArgument,
    )
    .requiredOption('--store <url>', 'lmdb:PATH, memory:, or another store')
    .option('--model-cache <dir>', 'where snapshots of a publisher are kept', '.headwater-snapshots')
    .option('--model-token-file <file>', 'file that holds the token for publishers alone')
    .option('--model-ca <file>', "authority of publishers' certificates, as PEM; default: those that Node trusts")
    .option('--name <model>', 'name of a single model in the store and in requests (default: "sum")')
    .option('--host <host>', 'to listen on', '127.0.0.1')
    .option('--port <n>', 'to listen on; 0: any that is free', wholeNumber(0, 65_535), 8080)
    .option('--tokens <file>', 'JSON of bearer tokens; without it only this machine is served')
    .option('--tls-key <file>', 'private key, as PEM; with --tls-cert, serves HTTPS')
    .option('--tls-cert <file>', 'certificate, as PEM')
    .option('--tls-client-ca <file>', "authorities of callers' certificates, as PEM: then each caller must show one")
    .addOption(
      new Option('--role <role>', 'part in a cluster over a Valkey store: answers, refreshes, or both')
        .choices(['read', 'refresh', 'all'])
        .default('all'),
    )
    .option(
      '--claim-after <duration>',
      'refreshes of a worker that is silent for as long are claimed',
      durationMs,
      5_000,
    )
    .option('--max-queue <n>', 'users that may wait for a refresh', wholeNumber(1, 10_000_000), 100_000)
    .addOption(
      new Option('--mode <mode>', 'who computes: refreshes beside reads, reads themselves, or nobody')
        .choices(['asynchronous', 'synchronous', 'stored'])
        .default('asynchronous'),
    )
    .option('--deadline <ms>', 'of computing in a synchronous read', wholeNumber(1, 10_000), 50)
    .addOption(
      new Option('--refresh-on <what>', 'what makes a user be refreshed')
        .choices(['event', 'read', 'both'])
        .default('event'),
    )
    .option('--max-age <duration>', 'older embeddings are flagged stale', durationMs)
    .option('--time-to-live <duration>', 'older embeddings are not served, and removed', durationMs)
    .option('--segment-field <field>', "user's field of which each value has a default embedding of its own")
    .addOption(
      new Option('--encoder <what>', 'what computes: a GPU through WebGPU, or ONNX Runtime on the CPU')
        .choices(['webgpu', 'onnx'])
        .default('webgpu'),
    )
    .option(
      '--encoder-cpus <list>',
      'cores that the encoder and the thread that makes its rows keep to, as `taskset -c` takes them',
    )
    .option('--encoder-idle', 'compute only in time that nothing else wants, giving way at once (Linux with `chrt`)')
    .option(
      '--shadow <[name=]snapshot>',
      'number of a snapshot that is computed beside the one served, or latest-held',
      shadowArgument,
    )
    .option('--shadow-share <x>', 'share of the batches that go through the shadow too', shareArgument, 0.1)
    .option('--served-log <dir>', 'keep what is served to whom, as Parquet')
    .option('--served-log-latest', 'keep there also the newest embedding, of reads that ask for it')
    .option('--event-log <dir>', 'keep events, as `headwater train --follow` reads them')
    .option('--outcome-log <dir>', 'keep outcomes of downstream models')
    .option('--rotate <duration>', "longest that a log's file is written to", durationMs, 600_000)
    .option(
      '--keep-files <n>',
      'finished files of each log that stay, the oldest go first; all without it',
      wholeNumber(1, 2 ** 31 - 1),
    )
    .addOption(new Option('--log-level <level>', 'log as JSON lines on stderr').choices(logLevels))
    .option('--traces <url>', "a collector's route for traces, OTLP over HTTP", urlArgument)
    .option('--requests-per-second <n>', 'of one token; 0: no limit', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--burst <n>', "requests at once after a pause; 0: a second's worth", wholeNumber(0, 2 ** 31 - 1), 0)
    .action(serve)
}

type Closers = (() => Promise<void>)[]

async function serve(options: ServeOptions): Promise<void> {
  const stopped = stopSignal()
  const report = await serveReport(options.logLevel)
  // What was opened is closed in the opposite order, also where a later step fails.
  const closers: Closers = []
  try {
    await start(options, report, closers)
    await stopped.signal
  } finally {
    for (const close of closers.reverse()) await close()
    report.close()
    stopped.ignore()
  }
}

async function start(options: ServeOptions, report: ServeReport, closers: Closers): Promise<void> {
  checkRole(options)
  const [{ compileFeatures }, { openStore }, http, { registerClusterMetrics }] = await Promise.all([
    import('@headwater/features'),
    import('@headwater/store'),
    import('@headwater/service'),
    import('@headwater/cluster'),
  ])
  const sources = modelDirectories(options)
  const tls = tlsOf(options)
  const tokens = options.tokens === undefined ? null : await tokensOf(options.tokens)
  if (tokens === null && !http.isLoopback(options.host)) {
    throw new ServeError(
      `--host ${options.host} is not this machine alone; give --tokens, so that not everyone can ask.`,
    )
  }
  if (options.traces !== undefined) {
    const { startTracing } = await import('./tracing.ts')
    closers.push(startTracing(options.traces))
  }
  const { logger, warn } = report
  const directories = await mirrorModels(options, sources, closers, warn)
  const encoder = options.role === 'read' ? null : await startServeEncoder(options, warn)
  if (encoder !== null) closers.push(() => encoder.close())
  const names = tokens?.tenants ?? ['default']
  const status = encoder && (() => encoder.status())
  const cluster = await joinServeCluster(options, names, [...directories.keys()], status, warn)
  if (cluster !== null) closers.push(() => cluster.close())
  const models =
    encoder === null
      ? await readServeModels(directories, warn)
      : await loadServeModels(options, directories, encoder, cluster, report)
  const store = await openStore(userUrl(options.store))
  closers.push(() => store.close())
  const [{ schema }] = models.values()
  const space = compileFeatures(schema)
  const refreshes = new http.RefreshMonitor()
  const tenants = await openTenants(
    { options, names, store, space, models, directories, refreshes, cluster, onError: warn },
    closers,
  )
  await startTenants(tenants, models, closers, warn, cluster)
  const sweeping = { clock: cluster?.node.clock ?? Date, onError: warn }
  const sweepers = await startServeSweeping(options, tenants, models.keys(), sweeping, closers)
  const server = http.createServer({
    tenants,
    space,
    models: [...models].map(([name, { dim, followed }]) => ({
      name,
      dim,
      // What a publisher chose is changed there.
      ...(followed !== null && !isPublisher(sources.get(name)!) && { control: followed }),
    })),
    auth: tokens ?? 'loopback',
    limits: { requestsPerSecond: options.requestsPerSecond, burst: options.burst },
    ...(status && { encoder: status }),
    ...(options.role === 'refresh' && { scopes: ['admin', 'metrics'] as const }),
    refreshes,
    ...(cluster !== null && { sharedQueues: () => cluster.node.queues }),
    ...(options.outcomeLog !== undefined && { outcomes: (tenant: string) => tenants.get(tenant)!.logs.outcomes! }),
    alsoMetrics: (registry) => {
      http.registerLogMetrics(registry, logCounters(tenants))
      http.registerSweepMetrics(registry, sweepers)
      if (cluster !== null) registerClusterMetrics(registry, cluster.node)
    },
    ...(tls && { tls }),
    // A log has failures in the lines of their requests.
    ...(logger === null ? { onError: warn } : { logger }),
  })
  closers.push(() => server.close())
  const address = await server.listen({ host: options.host, port: options.port })
  const what = [...models]
    .map(([name, { followed }]) =>
      followed === null ? `what workers make of "${name}"` : `snapshot ${followed.served.snapshot} as "${name}"`,
    )
    .join(' and ')
  const who = tokens === null ? 'this machine alone, without tokens' : `tenants ${tokens.tenants.join(', ')}`
  report.say(`Serving ${what} on ${address}, for ${who}.`)
}

async function tokensOf(file: string): Promise<Tokens> {
  const { parseTokens } = await import('@headwater/service')
  return parseTokens(read('--tokens', file).toString('utf8'), file)
}
